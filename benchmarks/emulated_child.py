"""Time a convolution on the emulated GPU of the checkout that PYTHONPATH names; print (multiply-adds, seconds) as JSON.

It is started by its path and uses nothing but `kernels`, so it runs on older checkouts of ours too.
"""

import json
import sys
import time
import warnings

import numpy as np

N, SIDE, CHANNELS, FILTERS, SIZE = 1, 24, 64, 64, 3


def main(calls: int) -> None:
    """Run a 3x3 convolution until all is compiled, then so many times."""
    from kernels import conv2d, targets

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, SIDE, SIDE, CHANNELS)).astype(np.float32)
    k = rng.standard_normal((SIZE, SIZE, CHANNELS, FILTERS)).astype(np.float32)
    there = [targets.to_device(a, "cuda-emulated") for a in (x, k)]
    samples = []
    for _ in range(1 + calls):
        start = time.perf_counter()
        y = conv2d.forward(*there, variant="cuda")
        samples.append(time.perf_counter() - start)
    if not np.allclose(targets.to_host(y), conv2d.forward(x, k), atol=1e-3):
        raise SystemExit("the emulated convolution is wrong")
    print(json.dumps((y.size * SIZE * SIZE * CHANNELS, samples[1:])))


if __name__ == "__main__":
    main(int(sys.argv[1]))
