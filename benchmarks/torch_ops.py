"""The other operations by PyTorch, on the tasks' own inputs; results are held against the same exact numbers.

Images are NHWC here, so PyTorch gets them as channels-last tensors, without a copy. Where PyTorch has one call for
what is two passes here (cross-entropy), the pass is that of its own operators (torch.ops.aten).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.tasks import Task

SAME = 1e-4  # of the largest number in a result


def task(torch: Any, ours: Task, device: str = "cpu") -> Task:
    """PyTorch's version of one of our tasks, on a device that PyTorch knows."""
    operation = ours.case.split(",")[0]
    given = {n: torch.from_numpy(a.copy()).to(device) for n, a in ours.inputs.items()}
    call, as_ours = MAKERS[operation, ours.name](torch, given)
    held: dict[str, Any] = {"out": ()}

    def run() -> None:
        with torch.inference_mode():
            held["out"] = call()

    def results() -> tuple[np.ndarray, ...]:
        if held["out"] == ():
            return ()
        out = held["out"] if isinstance(held["out"], tuple) else (held["out"],)
        arrays = tuple(np.asarray(t.cpu()) for t in as_ours(*out))
        for a in arrays:
            a.flags.writeable = False  # new ones are made each time
        return arrays

    def reset() -> None:
        for name, tensor in given.items():
            tensor.copy_(torch.from_numpy(ours.inputs[name]))
        if operation == "sgd":
            given["v"] /= -0.01  # its velocity is ours over -lr: v = mu v + g, p -= lr v

    made = replace(ours, run=run, results=results, variant="PyTorch", reset=reset if ours.reset else None)
    made.extra = {}
    # a peer has to compute the same function; how well it rounds is not our concern
    made.bounds = lambda: tuple(SAME * np.max(np.abs(e), initial=1e-30) for e in ours.exact())
    return made


def _plain(*tensors: Any) -> tuple:
    return tensors


def _nchw(t: Any) -> Any:
    return t.permute(0, 3, 1, 2)


def _nhwc(*tensors: Any) -> tuple:
    return tuple(t.permute(0, 2, 3, 1) for t in tensors)


def _relu(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.relu(a["x"]), _plain


def _relu_backward(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.ops.aten.threshold_backward(a["dy"], a["y"], 0), _plain


def _sigmoid(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.sigmoid(a["x"]), _plain


def _sigmoid_backward(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.ops.aten.sigmoid_backward(a["dy"], a["y"]), _plain


def _softmax(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.softmax(a["x"], -1), _plain


def _softmax_backward(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.ops.aten._softmax_backward_data(a["dy"], a["y"], -1, torch.float32), _plain


def _maxpool(torch: Any, a: dict) -> tuple[Callable, Callable]:
    x = _nchw(a["x"])
    width = x.shape[3]

    def window_index(y: Any, flat: Any) -> tuple:
        """PyTorch's index is into the image (i*W + j), ours into the window."""
        y, flat = _nhwc(y, flat)
        return y, flat // width % 2 * 2 + flat % width % 2

    return lambda: torch.ops.aten.max_pool2d_with_indices(x, [2, 2], [2, 2]), window_index


def _maxpool_backward(torch: Any, a: dict) -> tuple[Callable, Callable]:
    x, dy = _nchw(a["x"]), _nchw(a["dy"])
    _, flat = torch.ops.aten.max_pool2d_with_indices(x, [2, 2], [2, 2])
    backward = torch.ops.aten.max_pool2d_with_indices_backward
    return lambda: backward(dy, x, [2, 2], [2, 2], [0, 0], [1, 1], False, flat), _nhwc


def _avgpool(torch: Any, a: dict) -> tuple[Callable, Callable]:
    x = _nchw(a["x"])
    return lambda: torch.nn.functional.avg_pool2d(x, 2), _nhwc


def _avgpool_backward(torch: Any, a: dict) -> tuple[Callable, Callable]:
    x, dy = _nchw(a["x"]), _nchw(a["dy"])
    backward = torch.ops.aten.avg_pool2d_backward
    return lambda: backward(dy, x, [2, 2], [2, 2], [0, 0], False, True, None), _nhwc


def _dense(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.addmm(a["b"], a["x"], a["k"]), _plain


def _dense_data(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: a["dy"] @ a["k"].T, _plain


def _dense_weights(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: (a["x"].T @ a["dy"], a["dy"].sum(0)), _plain


def _batchnorm(torch: Any, a: dict) -> tuple[Callable, Callable]:
    x = _nchw(a["x"])

    def as_ours(y: Any, mean: Any, invstd: Any) -> tuple:
        return *_nhwc(y), mean, invstd.double() ** -2 - 1e-3

    batch_norm = torch.ops.aten.native_batch_norm
    return lambda: batch_norm(x, a["gamma"], a["beta"], None, None, True, 0.1, 1e-3), as_ours


def _batchnorm_backward(torch: Any, a: dict) -> tuple[Callable, Callable]:
    x, dy = _nchw(a["x"]), _nchw(a["dy"])
    invstd = (a["var"] + 1e-3) ** -0.5
    settings = (a["gamma"], None, None, a["mean"], invstd, True, 1e-3, [True, True, True])
    backward = torch.ops.aten.native_batch_norm_backward
    return lambda: backward(dy, x, *settings), lambda dx, dg, db: (*_nhwc(dx), dg, db)


def _mse(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.nn.functional.mse_loss(a["yhat"], a["y"]), _plain


def _mse_backward(torch: Any, a: dict) -> tuple[Callable, Callable]:
    one = a["y"].new_ones(())
    return lambda: torch.ops.aten.mse_loss_backward(one, a["yhat"], a["y"], 1), _plain


def _crossentropy(torch: Any, a: dict) -> tuple[Callable, Callable]:
    return lambda: torch.nn.functional.cross_entropy(a["yhat"], a["y"]), _plain


def _crossentropy_backward(torch: Any, a: dict) -> tuple[Callable, Callable]:
    aten, one = torch.ops.aten, a["yhat"].new_ones(())
    logs = torch.log_softmax(a["yhat"], -1)
    total = logs.new_tensor(float(len(logs)))

    def call() -> Any:
        d = aten.nll_loss_backward(one, logs, a["y"], None, 1, -100, total)
        return aten._log_softmax_backward_data(d, logs, -1, torch.float32)

    return call, _plain


def _adam(torch: Any, a: dict) -> tuple[Callable, Callable]:
    # its fused step adds epsilon to sqrt(v / (1 - beta2^t)), ours to sqrt(v): the epsilon that makes them equal
    step, epsilon = a["p"].new_tensor(9.0), 1e-7 / (1 - 0.999**10) ** 0.5
    settings = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "eps": epsilon, "amsgrad": False}

    def call() -> Any:
        step.fill_(10.0)
        lists = ([a["p"]], [a["g"]], [a["m"]], [a["v"]], [], [step])
        torch.ops.aten._fused_adam_(*lists, **settings, maximize=False)
        return a["p"], a["m"], a["v"]

    return call, _plain


def _sgd(torch: Any, a: dict) -> tuple[Callable, Callable]:
    settings = {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.0, "dampening": 0.0, "nesterov": False}

    def call() -> Any:
        lists = ([a["p"]], [a["g"]], [a["v"]])
        torch.ops.aten._fused_sgd_(*lists, **settings, maximize=False, is_first_step=False)
        return a["p"], a["v"]

    return call, lambda p, v: (p, v * -0.01)


def _rmsprop(torch: Any, a: dict) -> tuple[Callable, Callable]:
    """PyTorch's own RMSprop adds epsilon to the root, ours under it: Keras's form, in PyTorch's operators."""

    def call() -> Any:
        a["v"].mul_(0.9).addcmul_(a["g"], a["g"], value=0.1)
        a["p"].addcdiv_(a["g"], (a["v"] + 1e-7).sqrt_(), value=-0.001)
        return a["p"], a["v"]

    return call, _plain


MAKERS: dict[tuple[str, str], Callable] = {
    ("relu", "forward"): _relu, ("relu", "backward"): _relu_backward,
    ("sigmoid", "forward"): _sigmoid, ("sigmoid", "backward"): _sigmoid_backward,
    ("softmax", "forward"): _softmax, ("softmax", "backward"): _softmax_backward,
    ("maxpool2d", "forward"): _maxpool, ("maxpool2d", "backward"): _maxpool_backward,
    ("avgpool2d", "forward"): _avgpool, ("avgpool2d", "backward"): _avgpool_backward,
    ("dense", "forward"): _dense, ("dense", "backward_data"): _dense_data,
    ("dense", "backward_weights"): _dense_weights,
    ("batchnorm", "forward"): _batchnorm, ("batchnorm", "backward"): _batchnorm_backward,
    ("mse", "forward"): _mse, ("mse", "backward"): _mse_backward,
    ("crossentropy", "forward"): _crossentropy, ("crossentropy", "backward"): _crossentropy_backward,
    ("adam", "update"): _adam, ("sgd", "update"): _sgd,
    ("rmsprop", "update"): _rmsprop,
}  # fmt: skip
