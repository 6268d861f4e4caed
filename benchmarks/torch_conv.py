"""Convolution by PyTorch on the same numbers: the faster of its two memory layouts, no autograd around it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks import sampling
from benchmarks.tasks import ConvProblem, Task
from kernels import conv2d

LAYOUTS = ("contiguous", "channels_last")


def load() -> Any:
    """PyTorch with as many threads as Numba; RuntimeError says what to install."""
    import numba

    if not find_spec("torch"):
        raise RuntimeError("PyTorch is not installed here: pip install 'formula-convnet[peers]'")
    if "torch" not in sys.modules:  # kernels are loaded by now, and with them our OpenMP
        raise RuntimeError("PyTorch would run on our OpenMP's settings: call errors.load_torch_first() before")
    import torch

    torch.set_num_threads(numba.get_num_threads())
    return torch


def task(torch: Any, problem: ConvProblem, name: str) -> Task:
    """A pass in the layout that is faster on this machine."""
    tasks = [_in_layout(torch, problem, name, layout) for layout in LAYOUTS]
    for each in tasks:
        each.verify("before")
    samples = sampling.interleave({t.extra["layout"]: t.run for t in tasks}, sampling.Effort(5, 0.001, 0.0))
    return min(tasks, key=lambda t: float(np.median(samples[t.extra["layout"]])))


def _in_layout(torch: Any, problem: ConvProblem, name: str, layout: str) -> Task:
    case = problem.case
    settings, _ = conv2d.geometry(case.x, case.k, **case.settings)
    arrays = {"x": problem.x, "k": problem.k, "b": problem.b, "dy": problem.dy}
    call = calls(torch, arrays, settings, layout)[name]
    held: dict[str, Any] = {"out": ()}

    def run() -> None:
        with torch.inference_mode():
            held["out"] = call()

    def found() -> tuple[np.ndarray, ...]:
        out = held["out"] if isinstance(held["out"], tuple) else (held["out"],)
        return tuple(as_ours(t, weights=name == "backward_weights") for t in out if t is not None)

    made = problem.wrap(name, "PyTorch", run, found)
    made.extra["layout"] = layout
    return made


def calls(
    torch: Any, arrays: dict[str, np.ndarray], settings: dict[str, Any], layout: str, device: str = "cpu"
) -> dict[str, Callable[[], Any]]:
    """The three passes on tensors x, k, b and dy in one layout; settings in the normal form."""
    (top, bottom), (left, right) = settings["padding"]
    if top != bottom or left != right:
        raise ValueError(f"padding {settings['padding']}: PyTorch's convolution pads both sides alike")
    form = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    axes = {"x": (0, 3, 1, 2), "dy": (0, 3, 1, 2), "k": (3, 2, 0, 1)}
    x, dy, k = (torch.tensor(arrays[n].transpose(t)).to(device).to(memory_format=form) for n, t in axes.items())
    b = torch.tensor(arrays["b"]).to(device)
    stride, pad, dilation = list(settings["stride"]), [top, left], list(settings["dilation"])
    groups = settings["groups"]

    def backward(data: bool, weights: bool) -> Any:
        mask = [data, weights, weights]
        return torch.ops.aten.convolution_backward(
            dy, x, k, [k.shape[0]], stride, pad, dilation, False, [0, 0], groups, mask
        )

    return {
        "forward": lambda: torch.nn.functional.conv2d(x, k, b, stride, pad, dilation, groups),
        "backward_data": lambda: backward(True, False),
        "backward_weights": lambda: backward(False, True),
    }


def as_ours(tensor: Any, weights: bool) -> np.ndarray:
    """A result in our layout: (N,H,W,C), or (P,Q,C,F) of weights; read-only, for PyTorch makes new ones each time."""
    array = tensor.cpu().numpy()
    if array.ndim == 4:
        array = array.transpose(2, 3, 1, 0) if weights else array.transpose(0, 2, 3, 1)
    array.flags.writeable = False
    return array
