"""What a vector load fetches and nothing uses is no access of the kernel's; what is used is."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator import KernelFault
from tests.emulator.ptx import launch

LOAD = """
    st.shared.v2.u32 [memory], {%r3, %r3};
    st.shared.u32 [memory+8], %r3;
    ld.shared.v4.u32 {%r10, %r11, %r12, %r13}, [memory];
    add.u32 %r10, %r10, %r11;
    add.u32 %r10, %r10, LAST;
    st.global.u32 [%d4], %r10;
"""


def test_a_fourth_element_that_nothing_reads_may_hold_nothing():
    np.testing.assert_array_equal(launch(LOAD.replace("LAST", "%r12"), [], 1), [0])


def test_a_fourth_element_that_is_read_must_hold_something():
    with pytest.raises(KernelFault, match="nothing has written"):
        launch(LOAD.replace("LAST", "%r13"), [], 1)
