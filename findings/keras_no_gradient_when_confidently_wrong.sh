#!/usr/bin/env bash
# A Keras network with a softmax layer stops learning from confidently wrong cases on JAX, but not
# on TensorFlow.
#
# Guess    The backend changes the speed, not the gradient: cross-entropy after softmax has gradient
#          p - y.
# Seen     One case, logits 30 and 0, true class 1, SGD with rate 1, Keras 3.15.1. One step changes
#          the weights from (30, 0) to (29, 1) on TensorFlow 2.21.0, and not at all on JAX 0.10.2.
#          PyTorch 2.13.0 was like JAX when it was tried; it is left out here to save its
#          installation.
# Why      The loss clips probabilities at 1e-7 (it is 16.1 here, not 30), and a clipped value has
#          gradient 0. On TensorFlow, Keras finds the logits behind the softmax and computes from
#          those.
# Cost     Mislabelled or hard cases have no effect once the network is sure; results differ between
#          backends with the same seed and code.
# Instead  Leave out the softmax and use from_logits=True, which is the same on all backends.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cat > finding.py <<'EOF'
import sys

import keras
import numpy as np


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


backend = keras.backend.backend()


def step(activation, loss):
    """Return the weights after one step on a confidently wrong case."""
    start = keras.initializers.Constant([[30.0, 0.0]])
    layer = keras.layers.Dense(2, activation=activation, use_bias=False, kernel_initializer=start)
    model = keras.Sequential([keras.layers.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(1.0), loss)
    model.fit(np.ones((1, 1), np.float32), np.array([1]), verbose=0)
    return [round(float(v), 3) for v in model.get_weights()[0].ravel()]


learned = {"tensorflow": [29.0, 1.0], "jax": [30.0, 0.0]}[backend]
check(f"{backend}, softmax layer", step("softmax", "sparse_categorical_crossentropy"), learned)
logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
check(f"{backend}, from logits", step(None, logits), [29.0, 1.0])
EOF
for backend in tensorflow jax; do
    KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python finding.py
done
