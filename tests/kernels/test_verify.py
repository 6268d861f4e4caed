"""verify: it passes what is right, and names the property and the smallest counterexample of what is wrong."""

import contextlib
import inspect
import io

import numpy as np
import pytest

from kernels import registry, verify
from kernels.verify import certificate, rounding, shrink, table, threads
from kernels.verify.formulas import FORMULAS
from kernels.verify.implementation import FromFile
from kernels.verify.operations import load_all, load_operations
from kernels.verify.problem import exact
from kernels.verify.properties import Broken
from kernels.verify.property_list import PROPERTIES
from kernels.verify.unwritten import unwritten
from tests.kernels.kernel_files import BESIDE, CONV, DENSE, INTEGERS, OVERRUN, SUBTLE, UNCLEARED, WRONG, make_subtle

OPERATIONS = load_operations()
WITH_BOUNDS = {name: op for name, op in load_all().items() if np.float32 in op.dtypes}


@pytest.fixture
def one_process(monkeypatch):
    """The runs with other numbers of threads are left to the tests that need them."""
    monkeypatch.setattr(threads, "COUNTS", (1,))


def written(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path


def test_every_operation_and_every_public_pass_is_verified_and_has_its_formula():
    assert set(OPERATIONS) == set(registry.OPERATIONS) == set(FORMULAS)
    for name, op in OPERATIONS.items():
        reference = registry.load(name, "reference")
        public = {"forward", "backward", "backward_data", "backward_weights", "update"}
        public |= {"inference", "inference_backward"}
        passes = {n for n, f in inspect.getmembers(reference, inspect.isfunction) if n in public}
        variations = {n for n in FORMULAS[name] if n.startswith("log ")}  # of a setting
        assert set(op.passes) == passes == set(FORMULAS[name]) - variations


@pytest.mark.parametrize("name", WITH_BOUNDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_integer_problems_have_results_that_the_dtype_holds_exactly_and_that_are_not_mostly_zero(name, dtype):
    op, rng = WITH_BOUNDS[name], np.random.default_rng(5)
    for seed in range(20):
        p = op.problem(op.draw(rng), dtype, "integers", seed)
        for part in op.passes:
            for r in exact(op, part, p):
                np.testing.assert_array_equal(r.astype(dtype).astype(r.dtype), r)
    first = next(p.arrays[a] for a in ("x", "x0", "y", "p", "a") if a in p.arrays)
    assert np.count_nonzero(first) >= first.size / 3 or name in ("softmax", "crossentropy")


@pytest.mark.parametrize("name", WITH_BOUNDS)
def test_every_bound_is_finite_and_at_most_a_thousandth_of_the_terms(name):
    """A bound that allows everything would prove nothing."""
    op = WITH_BOUNDS[name]
    for seed in range(10):
        p = op.problem(op.draw(np.random.default_rng(seed)), np.float64, "random", seed)
        for part in op.passes:
            for result, limit in zip(exact(op, part, p), op.limits(part, p), strict=True):
                assert limit.bound.max() <= 1e-3 * max(np.abs(result).max(), limit.magnitude.max()) + 1e-40


def test_every_variant_of_an_operation_is_verified_in_every_pass_and_dtype():
    outcome = verify.run(["relu", "maxpool2d"], quick=True)
    assert outcome.ok
    expected = {
        (o, v, p, t)
        for o in ("relu", "maxpool2d")
        for v in registry.variants(o, "cpu")
        for p in OPERATIONS[o].passes
        for t in ("float32", "float64")
    }
    assert {(r.operation, r.variant, r.name, r.dtype) for r in outcome.rows} == expected
    for row in outcome.rows:
        wanted = {"integers", "random", "positive", "unlike", "repeats", "threads"}
        wanted |= {"special", "scales", "surroundings", "layouts", "calls", "unwritten"}
        wanted |= {"adjoint"} if row.name == "backward" else set()
        wanted |= {"differences"} if row.name == "backward" and row.dtype == "float64" else set()
        assert set(row.held) == wanted
        assert set(row.held) <= {*PROPERTIES, "threads"}
    assert_fits_a_terminal(certificate.make(outcome))


def assert_fits_a_terminal(document, columns=80):
    """Nothing of the table is cut or wrapped, and what quick leaves out is said."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        table.show(document, width=columns)
    heads = [line for line in written.getvalue().splitlines() if line.startswith("variant")]
    assert heads
    assert all(line.split() == " ".join(table.COLUMNS).split() for line in heads)
    assert "…" not in written.getvalue()
    assert "Quick: 2 small problems" in written.getvalue()
    assert "Also checked: NaN and infinity reach just the numbers" in written.getvalue()
    assert "subnormal" in written.getvalue()
    assert "Not seen: a fault that only other shapes" in written.getvalue()


@pytest.mark.parametrize(("operation", "text"), [("conv2d", CONV), ("dense", DENSE)])
def test_a_right_kernel_of_the_users_own_passes(operation, text, tmp_path, one_process):
    outcome = verify.run([operation], kernel=written(tmp_path, text), quick=True)
    assert [f.message for r in outcome.rows for f in r.failures] == []
    assert outcome.ok


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_kernel_fails_and_the_property_that_it_breaks_is_named(how, tmp_path, monkeypatch):
    before, after, broken = WRONG[how]
    assert CONV.count(before) == 1
    if broken != "same bits for any number of threads":
        monkeypatch.setattr(threads, "COUNTS", (1,))
    monkeypatch.setattr(shrink, "SECONDS", 0.2)
    outcome = verify.run(["conv2d"], kernel=written(tmp_path, CONV.replace(before, after)), quick=True)
    assert not outcome.ok
    assert outcome.rows[0].failures[0].property == broken
    text = "\n".join(table.notes(certificate.make(outcome)))
    assert f"FAILED conv2d forward, mine, float32: {broken}" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("how", SUBTLE)
def test_a_fault_that_ordinary_problems_do_not_show_is_found(how, tmp_path, monkeypatch, one_process):
    *_, broken, quick = SUBTLE[how]
    monkeypatch.setattr(shrink, "SECONDS", 0.2)
    outcome = verify.run(["conv2d"], kernel=written(tmp_path, make_subtle(how)), quick=quick)
    assert broken in {failure.property for row in outcome.rows for failure in row.failures}


def test_a_write_past_the_end_of_the_result_is_found(tmp_path, one_process):
    outcome = verify.run(["relu"], kernel=written(tmp_path, OVERRUN), quick=True)
    assert {failure.property for row in outcome.rows for failure in row.failures} == {BESIDE}


def test_a_temporary_array_that_is_not_always_cleared_is_found(tmp_path):
    op = load_operations()["relu"]
    impl = FromFile(op, written(tmp_path, UNCLEARED))
    (odd, even) = (op.problem({"M": m}, np.float32, "integers", 0) for m in (7, 8))
    unwritten(op, impl, "forward", even)
    with pytest.raises(Broken, match="7 of 7 numbers"):
        unwritten(op, impl, "forward", odd)


def test_a_maximum_that_loses_a_nan_is_found(tmp_path, one_process):
    text = "import numpy as np\n\ndef forward(x):\n    return np.where(x > 0, x, x.dtype.type(0))\n"
    outcome = verify.run(["relu"], kernel=written(tmp_path, text), quick=True)
    assert {f.property for row in outcome.rows for f in row.failures} == {"NaN and infinity are kept"}


@pytest.mark.parametrize(
    ("before", "after", "part", "broken"),
    [
        ("dy.astype(float) @ k.T", "2 * dy.astype(float) @ k.T", "backward_data", INTEGERS),
        ("dy.sum(0, dtype=float)", "dy.mean(0, dtype=float)", "backward_weights", INTEGERS),
    ],
)
def test_a_wrong_gradient_fails_as_adjoint_and_as_central_difference_too(
    before, after, part, broken, tmp_path, one_process
):
    outcome = verify.run(["dense"], kernel=written(tmp_path, DENSE.replace(before, after)), quick=True)
    for row in outcome.rows:
        found = {f.property for f in row.failures}
        if row.name != part:
            assert not found
            continue
        assert broken in found
        assert "adjoint of forward" in found
        assert ("central differences" in found) == (row.dtype == "float64")


def test_the_counterexample_is_shrunk_to_what_the_fault_needs(tmp_path, one_process):
    """A flipped kernel needs two taps; a lost dilation besides a dilation of 2."""
    for how, taps, dilation in (("the kernel is flipped", 2, 1), ("the dilation is forgotten", 2, 2)):
        before, after, _ = WRONG[how]
        outcome = verify.run(["conv2d"], kernel=written(tmp_path, CONV.replace(before, after)), quick=True)
        p = outcome.rows[0].failures[0].problem
        assert p["k"].size == taps
        assert p.geometry["N"] == p.geometry["C"] == p.geometry["F"] == p.geometry["groups"] == 1
        assert p.geometry["dh"] == dilation
        assert sum(np.count_nonzero(p.arrays.get(name, 0)) for name in ("x", "k", "b")) <= 2


def test_an_edited_file_is_never_served_from_the_cache_of_compiled_kernels(tmp_path, one_process):
    head = "import numpy as np\nfrom kernels.jit import jit\n\n@jit()\ndef run(x, y):\n    for i in range(x.size):\n"
    tail = "\ndef forward(x):\n    y = np.empty_like(x)\n    run(x, y)\n    return y\n"
    right, wrong = "        y[i] = max(x[i], 0)\n", "        y[i] = max(x[i], 1)\n"
    for body, ok in ((right, True), (wrong, False), (right, True)):
        assert verify.run(["relu"], kernel=written(tmp_path, head + body + tail), quick=True).ok == ok


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not a Python file"),
        ("import nothing_of_this_name", "cannot be imported: ModuleNotFoundError"),
        ("def forward(x", "cannot be imported: SyntaxError"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit"),
        ("x = 1", r"it defines no pass of conv2d; define one or more of: forward\(x, k, b=None, \*, stride="),
    ],
)
def test_a_file_that_is_no_kernel_is_refused_in_a_line(text, message, tmp_path):
    path = tmp_path / "mine.py" if text is None else written(tmp_path, text)
    with pytest.raises(ValueError, match=message):
        verify.run(["conv2d"], kernel=path)


def test_unknown_operations_and_a_kernel_without_its_operation_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no operation 'conv3d'; choose one of: conv2d"):
        verify.run(["conv3d"])
    with pytest.raises(ValueError, match="needs one --op"):
        verify.run(kernel=written(tmp_path, CONV))


def test_the_certificate_leads_from_the_formula_to_its_line(one_process):
    outcome = verify.run(["relu"], quick=True)
    row = certificate.make(outcome)["rows"][0]
    assert row["formula"] == "y = max(x, 0)"
    file, line = row["source"].split(":")
    text = (certificate.ROOT / file).read_text().splitlines()
    assert text[int(line) - 1].startswith("def forward(x)")
    assert row["oracle"] == ["reference"]
    assert row["ok"] is True


def test_an_error_in_ulp_is_told_only_where_it_was_measured():
    """Integers within a variant's own bound cancel: where nothing is fit to be measured, no 0 is claimed."""
    limit = rounding.Limit(np.ones(2), np.array([1e9, 1e9]))
    assert rounding.ulps(np.ones(2, np.float32), np.ones(2), limit) is None
    assert rounding.ulps(np.ones(2, np.float32), np.ones(2), rounding.Limit(np.ones(2), np.ones(2))) == 0
    row = {"ok": True, "variant": "v", "dtype": "float32", "own_bound": None, "problems": {}}
    shown = table.describe_row({**row, "worst_fraction_of_bound": 0.5, "worst_ulp": None})
    assert shown[3:5] == ["50% of bound", "-"]
