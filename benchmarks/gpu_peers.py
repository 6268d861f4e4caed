"""The same passes by PyTorch (cuDNN, cuBLAS) and CuPy, on the same numbers; none where they have no such pass.

They need not round as we do: a peer's result may be off by SAME of the largest number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks import torch_conv, torch_ops
from benchmarks.gpu_tasks import Timed
from benchmarks.tables import tell
from benchmarks.tasks import Task


def load_torch(target: str) -> tuple[Any, str] | None:
    """PyTorch and where it computes, without TF32; None where it is not installed, or knows no GPU."""
    if not find_spec("torch"):
        tell("PyTorch is not installed: it is not timed")
        return None
    torch = torch_conv.load()
    if target != "cuda":
        return torch, "cpu"
    if not torch.cuda.is_available():
        tell(f"PyTorch {torch.__version__} finds no GPU: it is not timed")
        return None
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True  # it tries its algorithms, and keeps the fastest
    return torch, "cuda"


def load_cupy(target: str) -> Any:
    """CuPy, on a GPU; None elsewhere, and where it is not installed."""
    if target != "cuda":
        return None
    if not find_spec("cupy"):
        tell("CuPy is not installed: it is not timed")
        return None
    import cupy

    return cupy


def pytorch(found: tuple[Any, str] | None, t: Timed, ours: Task) -> Iterator[Task]:
    """PyTorch's versions of a pass; for convolutions one a memory layout."""
    if found is None:
        return
    torch, where = found
    if t.operation.name == "conv2d":
        for layout in torch_conv.LAYOUTS:
            call = torch_conv.calls(torch, t.p.arrays, t.p.settings, layout, where)[t.name]
            yield _peer(torch, ours, call, layout, t.name == "backward_weights")
    elif (t.operation.name, t.name) in torch_ops.MAKERS and _is_same(t):
        yield _by_operator(torch, t, ours, where)


def _is_same(t: Timed) -> bool:
    """Has the pass the settings that `torch_ops` knows?"""
    s, g = t.p.settings, t.geometry
    return {
        "maxpool2d": (g.get("P"), g.get("sh")) == (2, 2), "avgpool2d": (g.get("P"), g.get("sh")) == (2, 2),
        "crossentropy": (s.get("kind"), s.get("from_logits")) == ("sparse", True),
        "sgd": False, "rmsprop": False, "adam": False, "nadam": False, "adagrad": False, "lion": False,
    }.get(t.operation.name, True)  # fmt: skip


def _by_operator(torch: Any, t: Timed, ours: Task, where: str) -> Task:
    """By `torch_ops`, which knows images only: batchnorm's rows become images of one pixel."""
    inputs = dict(ours.inputs)
    if t.operation.name == "batchnorm":
        inputs |= {n: inputs[n].reshape(-1, 1, 1, inputs[n].shape[-1]) for n in ("x", "dy") if n in inputs}
    if t.operation.name in ("maxpool2d", "avgpool2d"):
        inputs["x"] = t.p["x"]  # PyTorch's backward asks for it
    made = torch_ops.task(torch, replace(ours, inputs=inputs), where)
    found = made.results

    def results() -> tuple[np.ndarray, ...]:
        return tuple(a.reshape(e.shape) for a, e in zip(found(), ours.exact(), strict=True))

    return replace(made, results=results, reset=lambda: None)


def _peer(torch: Any, ours: Task, call: Callable[[], Any], layout: str, weights: bool) -> Task:
    held: dict[str, Any] = {"out": ()}

    def run() -> None:
        with torch.inference_mode():
            held["out"] = call()

    def results() -> tuple[np.ndarray, ...]:
        out = held["out"] if isinstance(held["out"], tuple) else (held["out"],)
        return tuple(torch_conv.as_ours(t, weights) for t in out if t is not None)

    return replace(
        ours, run=run, results=results, bounds=same(ours), variant="PyTorch", extra={"layout": layout},
        reset=lambda: None,  # new arrays are made each time
    )  # fmt: skip


def same(ours: Task) -> Callable[[], tuple[float, ...]]:
    """How far off a peer may be."""
    return lambda: tuple(torch_ops.SAME * float(np.max(np.abs(e), initial=1e-30)) for e in ours.exact())


def cupy(xp: Any, t: Timed, ours: Task) -> Iterator[Task]:
    """CuPy's version of a pass, if it has a call for it; `xp` is CuPy, or NumPy to try the formulas."""
    call = CUPY.get((t.operation.name, t.name))
    if xp is None or call is None:
        return
    given = {n: xp.asarray(a) for n, a in ours.inputs.items()}
    held: dict[str, Any] = {}

    def run() -> None:
        held["out"] = call(xp, given)

    def results() -> tuple[np.ndarray, ...]:
        out = held["out"] if isinstance(held["out"], tuple) else (held["out"],)
        return tuple(np.asarray(xp.asnumpy(a) if hasattr(xp, "asnumpy") else a) for a in out)

    yield replace(ours, run=run, results=results, bounds=same(ours), variant="CuPy", reset=lambda: None)


def _softmax(xp: Any, a: dict[str, Any]) -> Any:
    e = xp.exp(a["x"] - a["x"].max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


CUPY: dict[tuple[str, str], Callable[[Any, dict[str, Any]], Any]] = {
    ("dense", "forward"): lambda xp, a: a["x"] @ a["k"] + a["b"],
    ("dense", "backward_data"): lambda xp, a: a["dy"] @ a["k"].T,
    ("dense", "backward_weights"): lambda xp, a: (a["x"].T @ a["dy"], a["dy"].sum(0)),
    ("relu", "forward"): lambda xp, a: xp.maximum(a["x"], 0),
    ("relu", "backward"): lambda xp, a: xp.where(a["y"] > 0, a["dy"], xp.float32(0)),
    ("sigmoid", "forward"): lambda xp, a: 1 / (1 + xp.exp(-a["x"])),
    ("sigmoid", "backward"): lambda xp, a: a["dy"] * a["y"] * (1 - a["y"]),
    ("softmax", "forward"): _softmax,
    ("add", "forward"): lambda xp, a: a["a"] + a["b"],
    ("mse", "forward"): lambda xp, a: ((a["y"] - a["yhat"]) ** 2).mean(),
    ("globalavgpool", "forward"): lambda xp, a: a["x"].mean((1, 2)),
}
