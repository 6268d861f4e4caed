"""What each number of a lesson must be: the kernel's, the reference's in float64, and the bound between the two.

The reference and the bound are those of kernels/verify, which knows nothing of the page.
"""

from typing import Any

import numpy as np

from kernels.verify.operations import CLASSES
from kernels.verify.problem import Problem, exact
from kernels.verify.rounding import Limit

OPERATIONS = {operation.name: operation() for operation in CLASSES}
# operation -> pass of the lesson -> (pass of the operation, which of its results)
PASSES: dict[str, dict[str, tuple[str, int]]] = {
    "conv2d": {"dx0": ("backward_data", 0), "dp0": ("backward_weights", 0), "dp1": ("backward_weights", 1)},
    "conv2dtranspose": {"dx0": ("backward_data", 0), "dp0": ("backward_weights", 0), "dp1": ("backward_weights", 1)},
    "dense": {"dx0": ("backward_data", 0), "dp0": ("backward_weights", 0), "dp1": ("backward_weights", 1)},
    "batchnorm": {"dx0": ("backward", 0), "dp0": ("backward", 1), "dp1": ("backward", 2)},
    "groupnorm": {"dx0": ("backward", 0), "dp0": ("backward", 1), "dp1": ("backward", 2)},
    "batchnorm_inference": {
        "forward": ("inference", 0),
        "dx0": ("inference_backward", 0),
        "dp0": ("backward", 1),
        "dp1": ("backward", 2),
    },
    "add": {"dx0": ("backward", 0), "dx1": ("backward", 1)},
    "concatenate": {f"dx{n}": ("backward", n) for n in range(3)},
}


def found(subject: Any, t: int, loss: str, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(kernel, exact, bound) of one pass of step t, flat; t beyond the last step is the loss."""
    steps = subject.trace.steps
    if t == len(steps):
        return _of_loss(subject, loss, name)
    step, back, kernel = steps[t], subject.backward[loss], kernels_own(subject, t, loss, name)
    if step.operation == "reshape":
        source = subject.trace.arrays[step.inputs[0]] if name == "forward" else back.dy[step.output]
        return np.ravel(kernel), np.ravel(source).astype(float), np.zeros(kernel.size)
    problem, passes, which = _problem(subject, t, loss, name)
    operation = OPERATIONS[step.operation.removesuffix("_inference").removeprefix("log_")]
    result, limit = exact(operation, passes, problem)[which], operation.limits(passes, problem)[which]
    return np.ravel(kernel), np.ravel(result), _bound(limit, kernel)


def kernels_own(subject: Any, t: int, loss: str, name: str) -> np.ndarray:
    """What the kernel computed, in its own shape."""
    steps, back = subject.trace.steps, subject.backward[loss]
    if t == len(steps):
        return np.array([back.loss]) if name == "forward" else back.dy[subject.trace.low.output]
    if name == "forward":
        return subject.trace.arrays[steps[t].output]
    return (back.dx if name.startswith("dx") else back.dp)[t][int(name[2:])]


def _bound(limit: Limit, kernel: np.ndarray) -> np.ndarray:
    return np.ravel(np.broadcast_to(limit.bound, np.shape(limit.bound) or kernel.shape))


def _problem(subject: Any, t: int, loss: str, name: str) -> tuple[Problem, str, int]:
    step, back = subject.trace.steps[t], subject.backward[loss]
    x = subject.trace.arrays[step.inputs[0]]
    y, dy = subject.trace.arrays[step.output], back.dy[step.output]
    weights = [p.value for p in step.parameters]
    passes, which = PASSES.get(step.operation, {}).get(name, ("forward" if name == "forward" else "backward", 0))
    arrays = {"x": x, "y": y, "dy": dy}
    settings = {k: v for k, v in step.settings.items() if k != "epsilon"}
    geometry: dict[str, int] = {}
    if step.operation in ("conv2d", "conv2dtranspose", "dense"):
        bias = weights[1] if len(weights) > 1 else np.zeros(y.shape[-1], y.dtype)
        arrays |= {"k": weights[0], "b": bias}
        geometry = {"N": 1, "C": x.shape[-1], "F": y.shape[-1]}
    elif step.operation in ("maxpool2d", "avgpool2d"):
        geometry = dict(zip("PQ", settings["size"], strict=True))
        if step.operation == "maxpool2d":
            from kernels.maxpool2d import reference

            window = {k: v for k, v in settings.items() if k != "size"}
            arrays["argmax"] = reference.forward(x, settings["size"], **window)[1]
    elif step.operation == "globalavgpool":
        geometry = {"H": x.shape[1], "W": x.shape[2]}
    elif step.operation in ("softmax", "log_softmax"):
        settings = {"log": step.operation == "log_softmax"}
        arrays = {n: a.reshape(-1, a.shape[-1]) for n, a in arrays.items()}
        geometry = {"K": x.shape[-1]}
    elif step.operation == "add":
        arrays = {"a": x, "b": subject.trace.arrays[step.inputs[1]], "dy": dy}
    elif step.operation == "arithmetic":
        return _arithmetic(subject, step, dy, name)
    elif step.operation == "concatenate":
        arrays = {f"x{i}": subject.trace.arrays[v] for i, v in enumerate(step.inputs)} | {"dy": dy}
    elif step.operation == "dropout":
        settings |= {"step": step.layer.calls}
    elif step.operation == "groupnorm":
        return _groups(step, arrays, weights), passes, which
    elif step.operation.startswith("batchnorm"):
        return _normalisation(step, arrays, weights, name)
    # plain loops in Python take minutes over a listing's convolutions: there cpu_naive in float64, itself proven
    oracle = OPERATIONS[step.operation].random_oracle() if x.size > 2000 else "reference"
    return Problem(geometry, arrays, settings, oracle), passes, which


def _arithmetic(subject: Any, step: Any, dy: np.ndarray, name: str) -> tuple[Problem, str, int]:
    operands = [subject.trace.arrays[v] for v in step.inputs] + [p.value for p in step.parameters]
    if "constant" in step.settings:
        operands.append(np.full(1, step.settings["constant"], dy.dtype))
    which = 0 if name == "forward" else int(name[2:])
    if step.settings.get("reversed"):
        operands, which = operands[::-1], 1 - which
    arrays = {"a": operands[0], "b": operands[1], "dy": dy}
    problem = Problem({}, arrays, {"kind": step.settings["kind"]})
    return problem, "forward" if name == "forward" else "backward", 0 if name == "forward" else which


def _groups(step: Any, arrays: dict, weights: list) -> Problem:
    """Samples (N,P,C), their exact statistics, which the page has too, and epsilon, which verify holds at 1e-3."""
    from kernels import groupnorm

    assert step.settings["epsilon"] == 1e-3
    arrays = {n: a.reshape(-1, *step.settings["size"]) for n, a in arrays.items()}
    arrays |= {n: w.reshape(-1) for n, w in zip(("gamma", "beta"), weights, strict=True)}
    settings = {"groups": step.settings["groups"], "epsilon": 1e-3}
    _, mean, var = groupnorm.forward(arrays["x"], arrays["gamma"], arrays["beta"], variant="reference", **settings)
    return Problem({}, {**arrays, "mean": mean, "var": var}, settings)


def _normalisation(step: Any, arrays: dict, weights: list, name: str) -> tuple[Problem, str, int]:
    """Rows (M,C), the statistics that the pass was given, and epsilon, which verify holds at Keras's 1e-3."""
    assert step.settings["epsilon"] == 1e-3
    arrays = {n: a.reshape(-1, a.shape[-1]) for n, a in arrays.items()}
    gamma, beta, mean, var = weights
    passes, which = PASSES[step.operation].get(name, ("forward", 0))
    if step.operation == "batchnorm":
        from kernels import batchnorm

        _, mean, var = batchnorm.forward(arrays["x"], gamma, beta)
    arrays |= {"gamma": gamma, "beta": beta, "mean": mean, "var": var}
    return Problem({}, arrays, {}), passes, which


def _of_loss(subject: Any, loss: str, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    made, target, key = subject.losses[loss]
    yhat = subject.trace.output
    if loss == "mse":
        operation, settings = OPERATIONS["mse"], {}
    else:
        operation = OPERATIONS["crossentropy"]
        settings = {"kind": made.kind, "from_logits": key.endswith("logits")}
    problem = Problem({}, {"y": target, "yhat": yhat}, settings)
    passes = "forward" if name == "forward" else "backward"
    result, limit = exact(operation, passes, problem)[0], operation.limits(passes, problem)[0]
    return np.ravel(kernels_own(subject, len(subject.trace.steps), loss, name)), np.ravel(result), np.ravel(limit.bound)
