"""Pooling, with convolution or without, batch normalisation, add and dropout: same bits for any number of threads."""

import os
import subprocess
import sys

PROGRAM = """
import hashlib
from importlib import import_module
import numba, numpy as np
from kernels import add, avgpool2d, batchnorm, convpool, dropout, globalavgpool, maxpool2d

def results(t):
    rng = np.random.default_rng(0)
    x, z = (rng.standard_normal((3, 40, 42, 37)).astype(t) for _ in range(2))
    g, b = rng.standard_normal((2, 37)).astype(t)
    for options in ({"size": 2}, {"size": 3, "stride": 2, "padding": 1}):
        y, argmax = maxpool2d.forward(x, **options)
        yield from (y, argmax, maxpool2d.backward(y, argmax, x.shape, **options))
        y = avgpool2d.forward(x, **options)
        yield from (y, avgpool2d.backward(y, x.shape, **options))
    for shape in ((5, 33, 30, 1), (5, 13, 12, 32)):
        u, k = rng.standard_normal(shape).astype(t), rng.standard_normal((3, 3, shape[3], 37)).astype(t)
        y, argmax = convpool.forward(u, k, b)
        yield from (y, argmax, convpool.backward_data(y, y, argmax, k, u.shape))
        yield from convpool.backward_weights(u, y, y, argmax, k.shape)
    y = globalavgpool.forward(x)
    yield from (y, globalavgpool.backward(y, x.shape))
    y, mean, var = batchnorm.forward(x, g, b)
    yield from (y, mean, var, batchnorm.inference(x, g, b, mean, var), *batchnorm.backward(z, x, g, mean, var))
    yield from (add.forward(x, z), *add.backward(z), dropout.forward(x, 0.3, seed=1, step=2))

def digest():
    h = hashlib.sha256()
    for t in (np.float32, np.float64):
        for r in results(t):
            h.update(r.tobytes())
    return h.hexdigest()

for threads in (1, 2, 3):
    numba.set_num_threads(threads)
    print(digest())
for name in ("maxpool2d", "avgpool2d", "globalavgpool", "batchnorm", "add", "dropout"):
    import_module(f"kernels.{name}.cpu").SMALL = 10**9  # the one-thread twins
print(digest())
"""


def test_one_two_and_three_threads_and_the_serial_twins_give_the_same_bits():
    environment = {**os.environ, "NUMBA_NUM_THREADS": "3", "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    digests = run.stdout.split()
    assert len(digests) == 4
    assert len(set(digests)) == 1
