"""The cases are sound, and their operations are those that brute force counts."""

from itertools import product

import pytest

from benchmarks import cases, counting
from benchmarks.cases import Conv
from kernels import conv2d

SMALL = (
    Conv("plain", (2, 6, 5, 3), (3, 3, 3, 4)),
    Conv("padded", (1, 5, 5, 2), (3, 3, 2, 2), padding=2),
    Conv("same, stride", (1, 7, 8, 1), (4, 3, 1, 2), padding="same", stride=2),
    Conv("dilated", (1, 9, 9, 1), (3, 2, 1, 1), padding=3, dilation=2, stride=3),
    Conv("groups", (1, 4, 4, 6), (3, 3, 3, 4), padding=1, groups=2),
)


def brute_force(case: Conv) -> int:
    """Walk over every output and tap, and count the multiply-adds inside the image."""
    settings, (N, Ho, Wo, F) = conv2d.geometry(case.x, case.k, **case.settings)
    (sh, sw), (dh, dw), (top, left) = settings["stride"], settings["dilation"], [p[0] for p in settings["padding"]]
    P, Q, C, _ = case.k
    count = 0
    for i, j, p, q in product(range(Ho), range(Wo), range(P), range(Q)):
        h, w = sh * i + dh * p - top, sw * j + dw * q - left
        count += N * F * C if 0 <= h < case.x[1] and 0 <= w < case.x[2] else 0
    return 2 * count


@pytest.mark.parametrize("case", SMALL, ids=lambda c: c.name)
def test_operations_are_those_that_brute_force_counts(case):
    assert counting.conv_flops(case) == brute_force(case)


def test_bytes_count_every_array_of_a_pass_once():
    case = SMALL[0]  # y (2,4,3,4)
    x, k, y, b = 180, 108, 96, 4
    assert counting.conv_bytes(case, "forward") == 4 * (x + k + y + b)
    assert counting.conv_bytes(case, "backward_data") == 4 * (x + k + y)


def test_the_sweep_has_at_least_30_shapes_of_different_names_below_2_gflop():
    assert len(cases.CONV) >= 30
    for group in (cases.CONV, cases.OPS):
        assert len({c.name for c in group}) == len(group)
    for case in cases.CONV:
        assert 0 < counting.conv_flops(case) < 2e9, case.name


def test_an_unknown_case_is_an_error_that_lists_the_names():
    with pytest.raises(ValueError, match="no case is called like 'nothing'; there is: listing conv1,"):
        cases.chosen(cases.CONV, "nothing")
