"""The result has the same bits for any number of threads: dense, activations, losses, optimizers."""

import os
import subprocess
import sys

PROGRAM = """
import hashlib
import numba
import numpy as np
from kernels import adagrad, adam, crossentropy, dense, lion, mse, nadam, relu, rmsprop, sgd, sigmoid, softmax

rng = np.random.default_rng(0)
for threads in (1, 2, 3):
    numba.set_num_threads(threads)
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((701, 211)).astype(np.float32) for _ in range(2))
    k, w = rng.standard_normal((211, 97)).astype(np.float32), rng.uniform(0, 1, 701).astype(np.float32)
    results = [dense.forward(x, k), dense.backward_data(x[:, :97].copy(), k), *dense.backward_weights(x, dy)]
    for op in (sigmoid, relu, softmax):
        results += [op.forward(x), op.backward(dy, op.forward(x))]
    for weights in (None, w):
        results += [mse.forward(x, dy, weights), mse.backward(x, dy, weights)]
        settings = {"kind": "sparse", "from_logits": True}
        labels = np.arange(701) % 211
        results += [f(labels, x, weights, **settings) for f in (crossentropy.forward, crossentropy.backward)]
    p, v, m = x.copy(), np.abs(x), dy.copy()
    adam.update(p, dy, m, v, step=2, weight_decay=0.1)
    sgd.update(p, dy, lr=0.1)
    sgd.update(p, dy, m, lr=0.1, momentum=0.9, nesterov=True)
    rmsprop.update(p, dy, v, m, dy / 9, momentum=0.9)
    nadam.update(p, dy, m, v, step=3)
    adagrad.update(p, dy, v)
    lion.update(p, dy, m)
    results += [p, m, v]
    print(*(hashlib.sha256(np.asarray(r).tobytes()).hexdigest()[:16] for r in results))
"""


def test_one_two_and_three_threads_give_the_same_bits():
    environment = {**os.environ, "NUMBA_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert len(lines[0].split()) == 21
    assert len(set(lines)) == 1
