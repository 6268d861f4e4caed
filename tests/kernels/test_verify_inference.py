"""`convnet verify` covers what only inference has: weights that are laid out once, and 8-bit levels."""

import numpy as np
import pytest

from convnet.engine import fixing, lowering
from kernels import registry
from kernels.int8 import levels
from kernels.verify import properties, verifier
from kernels.verify.implementation import Registered
from kernels.verify.operations import INFERENCE, load_all
from kernels.verify.operations.fixed import by_formula
from kernels.verify.problems import Problems, case
from kernels.verify.property_list import PROPERTIES, applies


def test_every_8_bit_pass_and_every_way_with_fixed_weights_is_verified():
    every = load_all()
    for name in registry.OPERATIONS:
        having = [v for v in registry.variants(name, "cpu") if hasattr(registry.load(name, v), "forward_int8")]
        assert not having or every[f"{name}_int8"].variants("cpu") == tuple(having)
    assert {fixing.OPERATION, fixing.BY_WINOGRAD, fixing.DEPTHWISE} <= set(every)
    assert {n for n in lowering.OF_LEVELS if n not in every} == {"dequantize"}  # a pass of quantize
    assert "dequantize" in every["quantize"].passes


@pytest.mark.parametrize("name", [c.name for c in INFERENCE])
def test_every_property_holds_on_a_small_problem_of_the_kernels(name):
    op = load_all()[name]
    g, dtype = op.draw(np.random.default_rng(1)), op.dtypes[0]
    for variant in op.variants("cpu"):
        impl = Registered(op, variant)
        for what, wanted in PROPERTIES.items():
            for part in op.passes:
                if applies(what, op, impl, part, dtype):
                    wanted.check(op, impl, part, case(op, impl, g, dtype, wanted.kind, 2, False))


def broken(monkeypatch, name, kernel, properties_):
    """The properties that do not hold on verify's small problems of a kernel in the operation's place."""
    op = load_all()[name]
    monkeypatch.setattr(op, "public", lambda part: kernel)
    impl, found = Registered(op, "cpu"), set()
    for what in properties_:
        for p in Problems(op, op.dtypes[0], quick=False).of(impl, PROPERTIES[what].kind, "small"):
            try:
                PROPERTIES[what].check(op, impl, next(iter(op.passes)), p)
            except properties.Broken:
                found.add(what)
    return found


def half_up(total, multiplier, chosen):
    v = np.float32(total) * np.float32(multiplier)
    v = min(max(v, np.float32(chosen.low - chosen.zero)), np.float32(chosen.high - chosen.zero))
    return int(np.floor(v + np.float32(0.5))) + chosen.zero


def delivered(result, out):
    if out is not None:
        out[...] = result
    return result.astype(np.float32) if out is None else out


def test_a_level_that_rounds_ties_upwards_is_found(monkeypatch):
    from kernels.dense import reference

    def dense(*args, variant, **settings):
        with monkeypatch.context() as m:
            m.setattr(reference, "level_of", half_up)
            return reference.forward_int8(*args, **settings)

    assert half_up(5, 0.5, levels.Levels()) != levels.level_of(5, 0.5, levels.Levels())
    assert broken(monkeypatch, "dense_int8", dense, ["integers"]) == {"integers"}


def test_a_border_of_the_level_0_instead_of_the_zero_point_is_found(monkeypatch):
    from kernels.conv2d import reference

    def conv2d(x, k, b, m, *, padding, x_zero, variant, **settings):
        x = np.pad(x, ((0, 0), *padding, (0, 0)))
        return reference.forward_int8(x, k, b, m, x_zero=x_zero, padding=((0, 0), (0, 0)), **settings)

    assert broken(monkeypatch, "conv2d_int8", conv2d, ["integers"]) == {"integers"}


def test_a_limit_that_loses_a_nan_or_comes_before_the_addition_is_found(monkeypatch):
    def lost(x, k, b, a, limits, *, variant, out=None, **settings):
        y = by_formula(x, k, b, a, limits, **settings)
        return delivered(np.where(np.isnan(y), limits[0], y), out)

    def early(x, k, b, a, limits, *, variant, out=None, **settings):
        y = by_formula(x, k, b, None, limits, **settings)
        return delivered(y if a is None else y + a, out)

    assert broken(monkeypatch, "conv2d_fixed", lost, ["integers", "special"]) == {"special"}
    assert broken(monkeypatch, "conv2d_fixed", early, ["integers", "random"]) == {"integers", "random"}


def test_a_result_that_is_added_to_what_lay_there_is_found(monkeypatch):
    def added(x, k, b, a, limits, *, variant, out=None, **settings):
        y = by_formula(x, k, b, a, limits, **settings)
        if out is not None:
            y += out
        return delivered(y, out)

    assert broken(monkeypatch, "conv2d_fixed", added, ["integers", "unwritten"]) == {"unwritten"}


def test_a_file_of_the_users_own_has_none_of_these_passes(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def forward(x):\n    return x\n")
    with pytest.raises(ValueError, match="there is no operation 'conv2d_fixed'; choose one of: conv2d"):
        verifier.run(["conv2d_fixed"], kernel=path)
