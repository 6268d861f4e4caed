"""What the tests of our class NumbaCuda run, in a process whose CUDA driver is the emulator: a line of JSON a case."""

import json

import numpy as np

from kernels.emulator.driver import install

install()

from benchmarks import gpu_check, gpu_clock  # noqa: E402
from kernels import conv2d, device, relu, targets  # noqa: E402


def there(*arrays):
    return [targets.to_device(a, "cuda") for a in arrays]


def availability():
    """Return what the target lacks, and which class serves it."""
    return [targets.missing("cuda"), type(device.backend("cuda")).__name__]


def properties():
    """Return the device as the driver describes it, after it has run a kernel."""
    found = gpu_check.driver("cuda")
    return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items()}


def memory():
    """Return a copy within the device, a part of it in another shape, and whether two arrays overlap."""
    (x,) = there(np.arange(48, dtype=np.float32))
    copied = targets.empty((48,), np.float32, "cuda")
    targets.copy(copied, x)
    part = copied.part(8, (4, 5)).reshape(2, -1)
    overlaps = [device.overlap(copied, part), device.overlap(x, part), device.overlap(part, copied.part(28, (20,)))]
    return [targets.to_host(copied).tolist(), targets.to_host(part).tolist(), overlaps]


def convolution():
    """Return whether all passes, whose launches pass arrays, numbers and tuples of numbers, are exact on integers."""
    rng = np.random.default_rng(0)
    x, k, b = (rng.integers(-4, 5, s).astype(np.float32) for s in ((2, 7, 6, 4), (3, 3, 4, 8), (8,)))
    dy = rng.integers(-4, 5, (2, 5, 4, 8)).astype(np.float32)
    x_, k_, b_, dy_ = there(x, k, b, dy)
    given = (
        conv2d.forward(x_, k_, b_, variant="cuda"),
        conv2d.backward_data(dy_, k_, x.shape, variant="cuda"),
        *conv2d.backward_weights(x_, dy_, k.shape, variant="cuda"),
    )
    right = (conv2d.forward(x, k, b), conv2d.backward_data(dy, k, x.shape), *conv2d.backward_weights(x, dy, k.shape))
    return [bool(np.array_equal(targets.to_host(g), r)) for g, r in zip(given, right, strict=True)]


def clock():
    """Return whether two events around launches are apart in time."""
    (x,) = there(np.ones(100, np.float32))
    out = targets.empty((100,), np.float32, "cuda")
    return gpu_clock.events("cuda")(lambda: relu.forward(x, variant="cuda", out=out), 2) > 0


for case in (availability, properties, memory, convolution, clock):
    print(json.dumps({"case": case.__name__, "result": case()}), flush=True)
