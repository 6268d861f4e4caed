"""A label that is no class makes the loss NaN on a GPU, also the first one beyond the last class."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels import crossentropy, targets


@pytest.mark.parametrize("label", [-1, 3, 4])
def test_a_label_that_is_no_class_makes_the_loss_nan(label):
    y, p = np.array([0, label]), np.full((2, 3), 1 / 3, np.float32)
    y, p = (targets.to_device(a, "cuda-emulated") for a in (y, p))
    loss = crossentropy.forward(y, p, None, kind="sparse", from_logits=False, variant="cuda")
    assert np.isnan(targets.to_host(loss))
