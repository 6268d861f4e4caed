"""What a kernel prints is what Python prints, in the order in which the threads of one block came to it."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator import run
from tests.emulator.ptx import launch

TEXT = r"""
.global .align 1 .b8 text[33] = {37, 100, 32, 37, 108, 108, 117, 32, 37, 46, 51, 102, 32, 37, 53, 115, 124, 37, 99, 32,
    37, 37, 32, 37, 48, 52, 120, 32, 37, 117, 10, 0, 0};
.global .align 1 .b8 word[4] = {97, 98, 99, 0};
.extern .func (.param .b32 result) vprintf(.param .b64 text, .param .b64 values);
"""
CALL = """
    .local .align 8 .b8 values[64];
    .param .b64 text_in; .param .b64 values_in; .param .b32 result;
    mov.u32 %r10, -5; st.local.u32 [values], %r10;
    mov.u64 %d5, 18446744073709551615; st.local.u64 [values+8], %d5;
    mov.f64 %g1, 0d3FF8000000000000; st.local.f64 [values+16], %g1;
    mov.u64 %d6, word; cvta.global.u64 %d6, %d6; st.local.u64 [values+24], %d6;
    mov.u32 %r11, 88; st.local.u32 [values+32], %r11;
    mov.u32 %r12, 255; st.local.u32 [values+36], %r12; st.local.u32 [values+40], %r0;
    mov.u64 %d7, text; cvta.global.u64 %d7, %d7; st.param.b64 [text_in], %d7;
    mov.u64 %d8, values; cvta.local.u64 %d8, %d8; st.param.b64 [values_in], %d8;
    call.uni (result), vprintf, (text_in, values_in);
    ld.param.b32 %r13, [result]; st.global.u32 [%d4], %r13;
"""


def test_printf_formats_its_arguments_as_c_does(capsys):
    got = launch(CALL, [], 2, before=TEXT)
    np.testing.assert_array_equal(got, [7, 7])  # how many arguments there were
    line = "-5 18446744073709551615 1.500   abc|X % 00ff "
    assert capsys.readouterr().out == f"{line}0\n{line}1\n"


def test_print_in_a_kernel_prints(capsys):
    from numba import cuda

    def tell(x):
        i = cuda.threadIdx.x
        if i < 2:
            print("thread", i, x[i], i == 1)

    run(tell, 1, 4, (np.array([1.5, -2.0]),))
    assert capsys.readouterr().out == "thread 0 1.500000 False\nthread 1 -2.000000 True\n"
