"""`onnx`: a network from an ONNX file, here and by ONNX Runtime in one process, in turn, once both compute the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import figures_of_merit as merit
from benchmarks import quiet, results, sampling
from benchmarks.errors import WrongResultError
from benchmarks.tables import Table, disturbed, is_disturbed, machine_line, seconds, tell

OURS, THEIRS = "ours", "ONNX Runtime"
CLOSE = 1e-4  # of the largest output: what float32 loses in some twenty layers; a wrong layer is off by all of it


def run(
    files: dict[str, Path], batches: list[int], effort: sampling.Effort, options: dict[str, Any]
) -> tuple[dict, list[Table]]:
    """Measure every network at every number of images."""
    records = [e for name, path in files.items() for e in measure(name, path, batches, effort)]
    document = results.document("onnx", records, options, with_peak=False)
    return document, [table(document)]


def measure(name: str, path: Path, batches: list[int], effort: sampling.Effort) -> list[dict[str, Any]]:
    """Return two records for each number of images, whose samples were taken in turn."""
    import numba
    import onnxruntime

    from convnet.exchange import load_onnx

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = numba.get_num_threads()
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    model, given = load_onnx(path), session.get_inputs()[0]
    record = model.metadata["onnx"]
    found = []
    for batch in batches:
        x = np.random.default_rng(0).standard_normal((batch, *given.shape[1:])).astype(np.float32)
        mine = np.ascontiguousarray(x.transpose(record["inputs"][0]["axes"]))
        runs = {OURS: lambda mine=mine: model(mine), THEIRS: lambda x=x: session.run(None, {given.name: x})[0]}
        _require_equal(name, runs, record["outputs"][0]["axes"])
        samples, others = quiet.undisturbed(lambda runs=runs: sampling.interleave(runs, effort), effort.attempts)
        _require_equal(name, runs, record["outputs"][0]["axes"])
        case = f"{name}, {batch} image{'s' if batch > 1 else ''}"
        for variant, taken in samples.items():
            found.append({"case": case, "pass": "predict", "variant": variant, "samples": taken, "others": others})
        value, low, high = merit.ratio(samples[OURS], samples[THEIRS], paired=True)
        tell(f"{case}: {value:.2f} ({low:.2f} - {high:.2f}) of ONNX Runtime's time")
    return found


def _require_equal(name: str, runs: dict[str, Any], axes: list[int]) -> None:
    ours, theirs = runs[OURS](), runs[THEIRS]().transpose(axes)
    worst, scale = np.abs(ours - theirs).max(), np.abs(theirs).max()
    if not worst <= CLOSE * scale:
        raise WrongResultError(f"{name}: outputs up to {scale:.3g} differ by {worst:.3g}")


def table(document: dict[str, Any]) -> Table:
    """One line for each network and number of images."""
    made = Table("A network from an ONNX file; a ratio below 1 means that ours is faster", _COLUMNS, words=1)
    for a, b in zip(document["records"][::2], document["records"][1::2], strict=True):
        value, low, high = merit.ratio(a["samples"], b["samples"], paired=True)
        mark = "disturbed" if is_disturbed(a) else merit.verdict(low, high)
        times = (seconds(merit.median(e["samples"])) for e in (a, b))
        made.add(a["case"], *times, f"{value:.2f}", f"{low:.2f} - {high:.2f}", mark)
    made.notes += [machine_line(document), *disturbed(document)]
    return made


_COLUMNS = ["network", OURS, THEIRS, "ratio", "95 %", ""]


def resnet18(folder: Path) -> Path:
    """Write ResNet-18 with random parameters, 224 x 224, by PyTorch's exporter."""
    import torch

    from tests.peers.torch_networks import ResNet18, export

    torch.manual_seed(0)
    path = folder / "resnet18.onnx"
    export(ResNet18().eval(), (3, 224, 224), path, dynamo=False)
    return path
