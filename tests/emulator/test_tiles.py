"""The register tiles: their sums in parts, their widths, their edges; and each index of them matters."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels import conv2d, dense, device, targets
from kernels.cuda import copies, correlate, tiles, weights
from kernels.emulator import KernelFault
from kernels.verify.fill import draw_seeded
from tests.mutation.emulated import in_place
from tests.mutation.operators import Mutant
from tests.mutation.targets import ROOT


def to_device(*arrays):
    return tuple(targets.to_device(a, "cuda-emulated") for a in arrays)


def to_host(*arrays):
    return tuple(map(targets.to_host, arrays))


def dense_passes(x, k, b, dy):
    """y, dx, dk, db of the tuned kernels."""
    x, k, b, dy = to_device(x, k, b, dy)
    on = {"variant": "cuda"}
    dk, db = dense.backward_weights(x, dy, **on)
    return to_host(dense.forward(x, k, b, **on), dense.backward_data(dy, k, **on), dk, db)


def assert_exact(x, k, b, dy):
    for actual, exact in zip(dense_passes(x, k, b, dy), (x @ k + b, dy @ k.T, x.T @ dy, dy.sum(0)), strict=True):
        np.testing.assert_array_equal(actual, exact)


@pytest.mark.parametrize(
    ("N", "C", "F", "double"),
    [(3, 37, 8, False), (130, 20, 132, False), (128, 64, 64, False), (66, 7, 66, True), (5, 8, 132, True)],
)
def test_both_widths_of_the_tile_and_all_its_edges(N, C, F, double):
    dtype = np.float64 if double else np.float32
    shapes = (N, C), (C, F), (F,), (N, F)
    assert_exact(*(draw_seeded(s, dtype, i, True) for i, s in enumerate(shapes)))


@pytest.mark.parametrize(("N", "C", "F"), [(4, 1200, 8), (1200, 4, 8), (4, 5, 1200)])
def test_a_long_sum_is_cut_into_parts_that_are_added_in_order(N, C, F, monkeypatch):
    reports = []
    monkeypatch.setattr(device, "on_report", [reports.append])
    assert_exact(*(draw_seeded(s, np.float32, i, True) for i, s in enumerate(((N, C), (C, F), (F,), (N, F)))))
    assert any(r.kernel.startswith("cuda.parts._add_") for r in reports)


def test_a_gpu_without_asynchronous_copies_gets_a_kernel_without_them(monkeypatch):
    from kernels.emulator import compile as compiler

    made = {}
    monkeypatch.setattr(compiler, "_made", made)
    for module in (correlate, weights):
        monkeypatch.setattr(module, "are_asynchronous", lambda target: False)
    shapes = (5, 36), (36, 68), (68,), (5, 68)
    assert_exact(*(draw_seeded(s, np.float32, i, True) for i, s in enumerate(shapes)))
    assert made
    assert not any("cp.async" in ptx for ptx in made.values())
    assert copies.are_asynchronous("cuda-emulated")


def test_into_how_many_parts_the_shape_alone_says():
    assert tiles.parts(1, 100) == 1  # a short sum stays whole
    assert tiles.parts(1, 1280) == 10
    assert tiles.parts(64, 100_000) == 4
    assert tiles.parts(1000, 100_000) == 1  # there is work enough without


@given(st.integers(1, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_a_division_is_a_multiplication(d, n):
    by = tiles.division(d)
    for value in (n, d - 1, d, 2**31 - 1, max(n // d * d - 1, 0)):
        assert (2 * value * int(by.factor) >> 32) >> int(by.shift) == value // d
    assert int(by.factor) < 2**32


def test_more_pixels_than_the_indices_hold_are_refused():
    from kernels.conv2d.cuda import axis

    h = w = axis(50_000, 1, 1, 0, 50_000, 1, 0, 50_000)
    with pytest.raises(ValueError, match=r"at most 2,147,483,647 pixels .* got 2,500,000,000"):
        correlate.sizes(h, w, 1, (1, 1), (1, 1), 1, 1, 1)


def test_an_infinite_weight_makes_nan_where_its_tap_lies_in_the_padding():
    """As the lesson says: a pixel of the padding is multiplied as 0, where the formula leaves the term out."""
    x, k = np.ones((1, 4, 4, 4), np.float32), np.ones((3, 3, 4, 4), np.float32)
    k[0, 1, 2, 3] = np.inf
    y = targets.to_host(conv2d.forward(*to_device(x, k), padding=1, variant="cuda"))
    assert np.isnan(y[0, 0, :, 3]).all()
    assert np.isposinf(y[0, 1:, :, 3]).all()
    assert np.isfinite(y[..., :3]).all()


# (file of kernels/cuda, what it says, what it would say with two indices or bounds exchanged)
SWAPPED = [
    ("accumulate", "g.h.stride + g.h.start", "g.w.stride + g.h.start"),
    ("accumulate", "(tap - p * g.by_taps.d) * g.w.tap", "(tap - p * g.by_taps.d) * g.h.tap"),
    ("accumulate", "down * g.w.size + right", "right * g.w.size + down"),
    ("fetch", "uint32(int32(h + down)) < uint32(g.h.size)", "uint32(int32(h + down)) < uint32(g.w.size)"),
    ("fetch", "outer + group * g.outer", "outer + group * g.inner"),
    ("accumulate", "add(memory, int32(now + from_a)", "add(memory, int32(now + from_b)"),
    ("accumulate", "m - line * g.w.results) * g.w.spread", "m - line * g.h.results) * g.w.spread"),
    ("weights", "k - tap * g.inner + group * g.inner", "k - tap * g.inner + group * g.outer"),
    ("weights", "down * g.w.size + right", "right * g.w.size + down"),
    ("weights", "int32(now + from_a)", "int32(now + from_b)"),
    ("fetch", "int64(row) * int64(g.outer_all)", "int64(row) * int64(g.inner_all)"),
    ("weights", "i // n * down_rows + i % n", "i // n + i % n * down_rows"),
]


def mutant(file, old, new):
    """The file with one piece of its text exchanged."""
    path = f"kernels/cuda/{file}.py"
    text = (ROOT / path).read_text(encoding="utf-8")
    assert old in text, f"{path} no longer says {old}"
    return Mutant(path, 0, 0, "swapped", old, new, text.replace(old, new))


def conv_passes(x, k, b, dy, **given_settings):
    x, k, b, dy = to_device(x, k, b, dy)
    on = {**given_settings, "variant": "cuda"}
    y, dx = conv2d.forward(x, k, b, **on), conv2d.backward_data(dy, k, x.shape, **on)
    return to_host(y, dx, *conv2d.backward_weights(x, dy, k.shape, **on))


@pytest.mark.parametrize(("file", "old", "new"), SWAPPED)
def test_a_swapped_index_is_caught_by_the_comparison(file, old, new):
    """On one problem whose sizes all differ."""
    given_settings = {"stride": (1, 2), "padding": ((1, 1), (2, 1)), "dilation": (2, 1), "groups": 2}
    shapes = (2, 9, 14, 16), (2, 3, 8, 24), (24,), (2, 9, 8, 24)
    arrays = [draw_seeded(s, np.float32, i, True) for i, s in enumerate(shapes)]
    x, k, b, dy = arrays
    on = {**given_settings, "variant": "reference"}
    exact = (conv2d.forward(x, k, b, **on), conv2d.backward_data(dy, k, x.shape, **on))
    exact += conv2d.backward_weights(x, dy, k.shape, **on)

    def agree():
        pairs = zip(conv_passes(*arrays, **given_settings), exact, strict=True)
        return all(np.array_equal(actual, e) for actual, e in pairs)

    assert agree()
    with in_place(mutant(file, old, new)), suppress(KernelFault):
        assert not agree()
