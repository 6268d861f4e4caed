"""More threads than whole tiles of rows: no part of the work begins beyond the last row."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
import numba, numpy as np
from kernels import dense

N, threads = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
x, k, dy = (rng.integers(-4, 5, s).astype(np.float32) for s in ((N, 784), (784, 10), (N, 10)))

def passes():
    return dense.forward(x, k), dense.backward_data(dy, k), *dense.backward_weights(x, dy)

numba.set_num_threads(1)
expected = passes()
numba.set_num_threads(threads)
for found, wanted in zip(passes(), expected):
    np.testing.assert_array_equal(found, wanted)
child = os.fork()  # there each part is computed by the caller, whom an error in it reaches
if child == 0:
    try:
        for found, wanted in zip(passes(), expected):
            np.testing.assert_array_equal(found, wanted)
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("N", "threads"), [(256, 4), (180, 3), (512, 8), (150, 3)])
def test_rows_are_divided_among_threads_without_empty_parts(N, threads):
    environment = {**os.environ, "NUMBA_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", PROGRAM, str(N), str(threads)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
