"""Reading an ONNX file that is not trusted: sizes, external data, and the checks of the onnx package itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from convnet.data.limits import size
from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.nodes import sort_graph
from convnet.exchange.onnx.package import onnx

MOST_BYTES = 2**31 - 1  # protobuf's own limit for one message; external data included
MOST_NODES = 5000  # as many as a model file may have calls of layers
MOST_FUNCTION_NODES = 100_000  # after the file's own functions were written out
OLDEST_OPSET = 7


def read_model(path: str | os.PathLike[str]) -> Any:
    """Return the checked ModelProto of a file, with its external data read and its own functions written out.

    Raises OnnxError with the reason for a file that is missing, too large, damaged, or invalid by onnx.checker.
    """
    where = Path(path)
    content = _read_bytes(where, where, MOST_BYTES)
    try:
        model = onnx().load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError has no public name
        raise OnnxError(f"{where}: not an ONNX file, or damaged: {_one_line(error)}") from None
    return prepare(model, where, len(content))


def prepare(model: Any, where: Path, read: int = 0) -> Any:
    """Return a parsed model once it is complete and checked; `read` bytes of its allowance are used up."""
    _require_opset(model, where)
    _require_few(model, where)
    _read_external_data(model, where, MOST_BYTES - read)
    try:
        if model.functions:
            model = onnx("inliner").inline_local_functions(model)
            _require_few(model, where)
        sort_graph(model.graph)
        onnx("checker").check_model(model, full_check=True)
    except OnnxError as error:
        raise OnnxError(f"{where}: {error}") from None
    except Exception as error:  # the checker's, the shape inference's and the inliner's, all of C++
        raise OnnxError(f"{where}: onnx.checker finds it invalid: {_one_line(error)}") from None
    return model


def opset_of(model: Any) -> int:
    """Return the version of the operators that the model imports; 1 if it names none."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)


def _require_opset(model: Any, where: Path) -> None:
    found, newest = opset_of(model), onnx("defs").onnx_opset_version()
    if not OLDEST_OPSET <= found <= newest:
        raise OnnxError(
            f"{where}: its operators are of opset {found}; opsets {OLDEST_OPSET} to {newest} are read: export the "
            "model again with one of them, or install a newer onnx package"
        )


def _require_few(model: Any, where: Path) -> None:
    nodes, inner = len(model.graph.node), sum(len(f.node) for f in model.functions)
    if nodes > MOST_NODES or inner > MOST_FUNCTION_NODES:
        raise OnnxError(f"{where}: has {nodes} nodes and {inner} in functions; up to {MOST_NODES} are read")


# --- external data


def _read_external_data(model: Any, where: Path, allowance: int) -> None:
    """Put the data that lies in other files into the tensors; only files within the model's own folder are read."""
    for tensor in _tensors(model):
        if tensor.data_location != onnx().TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        path = _within_folder(where, entries.get("location", ""), tensor.name)
        offset, length = (_whole(where, tensor.name, key, entries.get(key, "0")) for key in ("offset", "length"))
        data = _read_bytes(where, path, allowance, offset, length if "length" in entries else None)
        allowance -= len(data)
        tensor.raw_data = data
        del tensor.external_data[:]
        tensor.data_location = onnx().TensorProto.DEFAULT


def _tensors(model: Any) -> Iterator[Any]:
    """Yield every tensor of the main graph, of its nodes' attributes, and of the model's functions."""
    if model.graph.sparse_initializer:
        raise OnnxError(f"{model.graph.name}: sparse initializers are not supported: export dense ones")
    yield from model.graph.initializer
    for node in (*model.graph.node, *(node for f in model.functions for node in f.node)):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _within_folder(where: Path, location: str, tensor: str) -> Path:
    folder = Path(os.path.realpath(where.parent))
    path = Path(os.path.realpath(folder / location.replace("\0", "")))
    if not location or os.path.isabs(location) or "\0" in location or not path.is_relative_to(folder):
        raise OnnxError(
            f"{where}: the data of tensor {tensor!r} is said to lie in {location!r}: only files within the model's "
            "own folder are read"
        )
    return path


def _whole(where: Path, tensor: str, key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise OnnxError(f"{where}: external data of tensor {tensor!r}: {key} must be a whole number, got {text!r}")
    return int(text)


def _read_bytes(where: Path, path: Path, most: int, offset: int = 0, length: int | None = None) -> bytes:
    """Return a regular file's bytes from `offset` on; OnnxError for any other, and beyond `most`."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OnnxError(f"{where}: {path.name} is no file (a folder, a pipe or a device)")
            wanted = status.st_size - offset if length is None else length
            if wanted < 0 or offset + wanted > status.st_size:
                raise OnnxError(f"{where}: {path.name} ends before byte {offset + max(wanted, 0)}")
            if wanted > most:
                raise OnnxError(f"{where}: needs {size(wanted)} of {path.name}; {size(most)} can be read")
            file.seek(offset)
            data = file.read(wanted)
    except OSError as error:
        raise OnnxError(f"{where}: {path.name} cannot be read: {error.strerror}") from None
    if len(data) != wanted:
        raise OnnxError(f"{where}: {path.name} ended while it was read")
    return data


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + " ..."
