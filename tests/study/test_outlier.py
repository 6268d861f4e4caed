"""The whitening matrix of a model file: its text, and what it whitens."""

import base64
import struct

import numpy as np
from sklearn.covariance import LedoitWolf

from convnet.study import outlier


def test_the_matrix_is_its_lower_triangle_row_by_row():
    text = base64.b64encode(struct.pack("<6f", 1, 2, 3, 4, 5, 6)).decode()
    W = outlier.matrix({"means": [[0.0, 0.0, 0.0]], "whitening": text})
    assert W.tolist() == [[1, 0, 0], [2, 3, 0], [4, 5, 6]]


def test_the_matrix_whitens_by_the_covariance_of_scikit_learn():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 100)
    f = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5 * y[:, None]
    W = outlier.matrix(outlier.spread(f, y))
    centred = f - np.stack([f[y == c].mean(axis=0) for c in (0, 1)])[y]
    sd = centred.std(axis=0)
    expected = np.outer(sd, sd) * LedoitWolf(assume_centered=True).fit(centred / sd).covariance_
    np.testing.assert_allclose(np.linalg.inv(W.T @ W), expected, rtol=1e-3, atol=1e-4)
