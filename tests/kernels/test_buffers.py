"""Every pass writes its whole result, nothing beside it, and nothing that an earlier call has left in memory."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from kernels import conv2d, registry
from tests.array_strategies import SEEDS
from tests.every_pass import FAMILIES, all_passes
from tests.guards import assert_guards_stand, guarded
from tests.kernels.test_conv2d import LARGE, large_problem
from tests.strategies import DTYPES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("family", FAMILIES, ids=[f.__name__ for f in FAMILIES])
@settings(max_examples=25)
@given(seed=SEEDS, dtype=DTYPES)
def test_a_poisoned_result_is_wholly_written_and_the_bands_around_it_stand(family, seed, dtype):
    for p, variant, name in all_passes(family, seed):
        expected = p.run(variant, dtype)
        pairs = [guarded(np.shape(a), dtype) for a in expected]
        outs = tuple(view for view, _ in pairs)
        p.run(variant, dtype, out=outs if len(outs) > 1 else outs[0])
        for (view, memory), wanted in zip(pairs, expected, strict=True):
            assert not np.isnan(wanted).any(), name
            np.testing.assert_array_equal(view, wanted, err_msg=name)
            assert_guards_stand(memory)


DIGEST = """
import hashlib
import numpy as np
from kernels import conv2d, registry
from tests.every_pass import FAMILIES, all_passes
from tests.kernels.test_conv2d import LARGE, large_problem
from tests.kernels.test_conv2d_winograd import SHAPES, passes, problem
digest = hashlib.sha256()
def note(*results):
    for result in results:
        digest.update(np.asarray(result).tobytes())
for family in FAMILIES:
    for seed in range(10):
        for p, variant, _ in all_passes(family, seed):
            note(*p.run(variant, np.float32))
for variant in registry.general("conv2d", "cpu"):
    for x_shape, k_shape, options in LARGE:
        x, k, b, dy = large_problem(x_shape, k_shape, options, np.float32)
        note(conv2d.forward(x, k, b, variant=variant, **options))
        note(conv2d.backward_data(dy, k, x_shape, variant=variant, **options))
        note(*conv2d.backward_weights(x, dy, k_shape, variant=variant, **options))
for shape in SHAPES:
    note(*passes(problem(*shape, np.float32)))
print(digest.hexdigest())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc fills what malloc returns")
def test_what_stood_in_fresh_memory_reaches_no_result():
    """glibc fills every allocation with one byte, scratch within the kernels included: 0xFE is -1.7e38, 0x3F 0.75."""
    digests = set()
    for perturbed in (1, 0xC0):
        environment = {**os.environ, "MALLOC_PERTURB_": str(perturbed)}
        done = subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize("variant", registry.variants("conv2d", "cpu"))
def test_a_call_reads_nothing_that_the_call_before_has_left(variant):
    """The first call is all NaN, so that scratch memory which is used again is poisoned."""
    for x_shape, k_shape, options in LARGE:
        if variant not in registry.general("conv2d", "cpu") and (options.keys() - {"padding"} or k_shape[:2] != (3, 3)):
            continue
        x, k, b, dy = large_problem(x_shape, k_shape, options, np.float32)

        def passes(x, k, b, dy, options=options, shapes=(x_shape, k_shape)):
            yield conv2d.forward(x, k, b, variant=variant, **options)
            yield conv2d.backward_data(dy, k, shapes[0], variant=variant, **options)
            yield from conv2d.backward_weights(x, dy, shapes[1], variant=variant, **options)

        clean = list(passes(x, k, b, dy))
        list(passes(*(np.full_like(a, np.nan) for a in (x, k, b, dy))))
        for actual, wanted in zip(passes(x, k, b, dy), clean, strict=True):
            np.testing.assert_array_equal(actual, wanted, err_msg=f"{x_shape} {k_shape} {options}")
