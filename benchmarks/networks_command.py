"""`networks`: a training step and the answers of networks from papers, beside PyTorch, ONNX Runtime and OpenVINO.

PyTorch makes each network with random parameters and writes it as ONNX, which we and the others read. The first losses
and all answers must agree before anything is timed; contestants run in turn.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import figures_of_merit as merit
from benchmarks import results, sampling
from benchmarks.child import Child
from benchmarks.errors import WrongResultError
from benchmarks.latencies import each
from benchmarks.tables import Table, disturbed, machine_line, seconds, tell

CLOSE = 1e-3  # of the largest output, or of a loss: what float32 loses in some fifty layers

CLOSE_STEP = 0.2  # of what the first step changes the loss by: PyTorch's own layouts differ by 5 % for MobileNet


class Network(NamedTuple):
    """A network of child_networks.py: one image, and images in a training step and in the larger prediction."""

    image: tuple[int, int, int]
    training: int
    predicted: int


NETWORKS = {
    "ResNet-18, 28x28": Network((3, 28, 28), 16, 32),
    "ResNet-18, 224x224": Network((3, 224, 224), 8, 8),
    "MobileNetV2, 224x224": Network((3, 224, 224), 8, 8),
    "U-Net, 128x128": Network((1, 128, 128), 4, 8),
}
OURS, FIXED, WINOGRAD = "ours", "ours, fixed weights", "Winograd, fixed weights"


def run(
    pythons: dict[str, str], only: str | None, compiled: bool, effort: sampling.Effort, options: dict[str, Any]
) -> tuple[dict, list[Table]]:
    """pythons: module of a peer -> an interpreter that has its engine; PyTorch makes the files."""
    import numba

    threads = numba.get_num_threads()
    modules = {"PyTorch": "child_networks", "ONNX Runtime": "child_onnxruntime", "OpenVINO": "child_openvino"}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        children = {n: stack.enter_context(Child(p, modules[n], threads)) for n, p in pythons.items()}
        ways = [f"{layout}{how}" for layout in ("contiguous_format", "channels_last") for how in _compiled(compiled)]
        records: list[dict[str, Any]] = []
        for name, network in NETWORKS.items():
            if not only or only in name:
                contest = Contest(name, network, folder, children, ways)
                records += contest.train(effort) + contest.predict(1, effort)
                records += contest.predict(network.predicted, effort)
        versions = {n: c.version for n, c in children.items()}
    document = results.document("networks", records, {**options, "peer_versions": versions}, with_peak=False)
    made = table(document)
    made.notes += [f"{n} {v} in its own process" for n, v in versions.items()]
    return document, [made]


def _compiled(compiled: bool) -> list[str]:
    return ["", " compiled"] if compiled else [""]


class Contest:
    """One network, written to a folder, and everybody who can run it."""

    def __init__(self, name: str, network: Network, folder: Path, children: dict[str, Child], ways: list[str]) -> None:
        self.name, self.network, self.folder, self.children, self.ways = name, network, folder, children, ways
        number = len(list(folder.iterdir()))  # the peers know a network by its path
        self.plain, self.folded = str(folder / f"{number}-plain.onnx"), str(folder / f"{number}-folded.onnx")
        for path, folded in ((self.plain, False), (self.folded, True)):
            self._torch("write", shape=list(network.image), path=path, folded=folded)

    def _torch(self, do: str, **arguments: Any) -> Any:
        return self.children["PyTorch"].ask(do, name=self.name, **arguments)

    def _images(self, batch: int) -> tuple[np.ndarray, str]:
        """Return images with channels last, and the file that holds them with channels first."""
        x = np.random.default_rng(batch).standard_normal((batch, *self.network.image)).astype(np.float32)
        path = self.folder / f"{batch}.npy"
        np.save(path, x)
        return np.ascontiguousarray(x.transpose(0, 2, 3, 1)), str(path)

    def train(self, effort: sampling.Effort) -> list[dict[str, Any]]:
        """Return the records of a training step: SGD, cross-entropy, normalizations with the batch's statistics."""
        from convnet import losses, optimizers
        from convnet.exchange import load_onnx

        x, images = self._images(self.network.training)
        model = load_onnx(self.plain)
        model.compile(optimizers.SGD(0.01), losses.SparseCategoricalCrossentropy(from_logits=True))
        shape = model(x).shape
        y = np.random.default_rng(1).integers(0, shape[-1], shape[:-1])
        labels = self.folder / "labels.npy"
        np.save(labels, y)
        given = {"images": images, "labels": str(labels)}
        mine = [float(model.train_on_batch(x, y)) for _ in range(2)]
        for way in self.ways:
            theirs = self._torch("losses", way=way, steps=2, **given)
            first, second = (abs(a - b) for a, b in zip(mine, theirs, strict=True))
            if not (first <= CLOSE * mine[0] and second <= CLOSE_STEP * abs(mine[0] - mine[1])):
                raise WrongResultError(f"{self.name}: losses {mine} here, {theirs} in PyTorch, {way}")
        runs: dict[str, Any] = {OURS: partial(each, lambda: model.train_on_batch(x, y))}
        for way in self.ways:
            runs[f"PyTorch, {way}"] = lambda calls, w=way: self._torch("train", way=w, calls=calls, **given)
        return self._measure(f"training step, {self.network.training} images", runs, effort)

    def predict(self, batch: int, effort: sampling.Effort) -> list[dict[str, Any]]:
        """Return the records of the answers to a number of images."""
        from convnet.exchange import load_onnx

        x, images = self._images(batch)
        model = load_onnx(self.folded)
        plain, fixed = model.compile_inference(batch), model.compile_inference(batch, fixed=True)
        winograd, expected = model.compile_inference(batch, fixed=True, winograd=True), model(x)
        self._require_close(FIXED, fixed(x), expected)
        self._require_close(WINOGRAD, winograd(x), expected)
        runs: dict[str, Any] = {OURS: partial(each, lambda: plain(x)), FIXED: partial(each, lambda: fixed(x))}
        runs[WINOGRAD] = partial(each, lambda: winograd(x))
        import numba

        given = {"path": self.folded, "images": images, "threads": numba.get_num_threads()}
        for engine, child in self.children.items():
            if engine == "PyTorch":
                continue
            theirs = np.array(child.ask("outputs", **given), np.float32)
            self._require_close(engine, np.moveaxis(theirs, 1, -1), expected)
            runs[engine] = lambda calls, c=child: c.ask("predict", calls=calls, **given)
        for way in self.ways:
            runs[f"PyTorch, {way}"] = lambda calls, w=way: self._torch("predict", way=w, images=images, calls=calls)
        return self._measure(f"{batch} image{'s' if batch > 1 else ''}", runs, effort)

    def _require_close(self, who: str, found: np.ndarray, expected: np.ndarray) -> None:
        worst, scale = np.abs(found - expected).max(), np.abs(expected).max()
        if not worst <= CLOSE * scale:
            raise WrongResultError(f"{self.name}, {who}: outputs up to {scale:.3g} differ by {worst:.3g}")

    def _measure(self, what: str, runs: dict[str, Any], effort: sampling.Effort) -> list[dict[str, Any]]:
        calls = {name: max(1, round(effort.sample * 10 / run(1))) for name, run in runs.items()}
        samples = sampling.take_turns(runs, calls, effort)
        tell(f"{self.name}, {what}: {', '.join(f'{n} {seconds(merit.median(s))}' for n, s in samples.items())}")
        return [
            {"case": self.name, "pass": what, "variant": n, "samples": s, "others": None} for n, s in samples.items()
        ]


def table(document: dict[str, Any]) -> Table:
    """One line for each network and kind of work: our faster way, and the fastest of every engine."""
    made = Table("Networks from papers; a ratio below 1 means that ours is faster", _COLUMNS, words=2)
    for case, what in dict.fromkeys((e["case"], e["pass"]) for e in document["records"]):
        found = {e["variant"]: e["samples"] for e in document["records"] if (e["case"], e["pass"]) == (case, what)}
        best: dict[str, list[float]] = {}
        for engine in ("ours", "PyTorch", "ONNX Runtime", "OpenVINO"):
            times = [s for n, s in found.items() if n.startswith(engine)]
            if times:
                best[engine] = min(times, key=merit.median)
        mine, theirs = best.pop("ours"), min(best.values(), key=merit.median)
        cells = [seconds(merit.median(best[e])) if e in best else "" for e in ("PyTorch", "ONNX Runtime", "OpenVINO")]
        made.add(case, what, seconds(merit.median(mine)), *cells, *_ratio(mine, theirs))
        if WINOGRAD in found:
            made.add(
                case,
                f"{what}, Winograd",
                seconds(merit.median(found[WINOGRAD])),
                *cells,
                *_ratio(found[WINOGRAD], theirs),
            )
    made.notes += [machine_line(document), *disturbed(document)]
    return made


def _ratio(mine: list[float], theirs: list[float]) -> tuple[str, str]:
    value, low, high = merit.ratio(mine, theirs, paired=True)
    return f"{value:.2f}", f"{low:.2f} - {high:.2f}"


_COLUMNS = ["network", "work", "ours", "PyTorch", "ONNX Runtime", "OpenVINO", "ratio to the fastest", "95 %"]
