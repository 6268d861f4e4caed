"""Feedback names the mistake: wrong solutions and the word that each should hear; unusual right ones pass."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from convnet.exercises.aspects import make_problems
from convnet.exercises.catalogue import EXERCISES, find
from convnet.exercises.checking import check
from convnet.exercises.feedback.naming import MISTAKES, mistakes_of
from tests.exercises.changing import changed

UNUSUAL = sorted((Path(__file__).parent / "unusual").glob("*.py"))
LOOP = "y[n, i, j, f] += float(x[n, i + p, j + q, c]) * float(k[p, q, c, f])"
H, W = "stride[0] * i + dilation[0] * p - padding[0][0]", "stride[1] * j + dilation[1] * q - padding[1][0]"
# solution, [(before, after), ...], what the verdict's first line says
WRONG = [
    ("sum", [("x[n, i + p, j + q, c]", "x[n, i + P - 1 - p, j + Q - 1 - q, c]")], "turned by 180°"),
    ("sum", [("i + p", "i + P - 1 - p")], "upside down"),
    ("sum", [("j + q", "j + Q - 1 - q")], "mirrored"),
    ("sum", [("i + p", "(i + p - 1) % H")], "shifted by one row"),
    ("sum", [("j + q", "min(j + q + 1, W - 1)")], "shifted by one column"),
    ("sum", [("0 if b is None else b[f]", "0")], "the bias is missing"),
    ("sum", [("* float(k[p, q, c, f])", "* float(k[p, q, c, f]) + (0 if b is None else b[f])")],
     "the bias is added once for every product"),
    ("sum", [("0 if b is None else b[f]", "0 if b is None else b[0]")], "the first filter's bias"),
    ("sum", [("np.ndindex(P, Q, C)", "np.ndindex(P, Q, 1)")], "only the first channel"),
    ("sum", [("k[p, q, c, f]", "k[p, q, c, 0]")], "every filter computes the first filter"),
    ("sum", [("x[n, i + p", "x[0, i + p")], "every image is computed from the first one"),
    ("sum", [("y[n, i, j, f] += float", "y[n, i, j, f] = float")], "only the last product is kept"),
    ("sum", [("np.ndindex(P, Q, C)", "np.ndindex(P - 1, Q, C)")], "the last row of the kernel is left out"),
    ("sum", [("F))\n", "F), int)\n")], "cut to integers"),
    ("sum", [("    return y", "    return y.transpose(0, 2, 1, 3)")], "axes of the result are in another order"),
    ("sum", [("    return y", "    return y.astype('float16').astype(float)")], "right to a few digits only"),
    ("sum", [("    return y", "    return np.maximum(y, 0)")], "negative numbers are set to 0"),
    ("sum", [("    return y", "    return -y")], "the sign is wrong"),
    ("sum", [("    return y", "")], "is a return missing?"),
    ("sum", [("H - P + 1, W - Q + 1", "H - P, W - Q")], "the + 1 is missing"),
    ("sum", [("    for n, i", "    x *= 2\n    for n, i")], "forward overwrote its argument number 1"),
    ("sum", [("x[n, i + p, j + q, c]", "x[n, i + p, j + q, c + 1]")], "IndexError"),
    ("padding", [("0 <= h < H and 0 <= w < W", "h < H and w < W")], "negative index reads from the other end"),
    ("padding", [("i + p - top, j + q - left", "i + p, j + q")], "the padding is ignored"),
    ("padding", [("i + p - top, j + q - left", "i + p - bottom, j + q - right")], "bottom and right are taken for"),
    ("stride", [("stride[0] * i + dilation[0] *", "dilation[0] * i + stride[0] *"),
                ("stride[1] * j + dilation[1] *", "dilation[1] * j + stride[1] *")],
     "stride and dilation are exchanged"),
    ("stride", [(H, H.replace("dilation[0] * p", "p")), (W, W.replace("dilation[1] * q", "q"))],
     "the dilation is ignored"),
    ("data_gradient", [("+=", "=")], "dx is set, not added up"),
    ("data_gradient", [("k[p, q, c, f]", "k[P - 1 - p, Q - 1 - q, c, f]")], "turned by 180°"),
    ("weights_gradient", [("return dk, db", "return dk, db / dy[..., 0].size")], "db is a mean"),
    ("weights_gradient", [("return dk, db", "return dk")], "only dk is returned"),
    ("maxpool", [("window.argmax()", "P * Q - 1 - window[::-1, ::-1].argmax()")], "of equal numbers the last one"),
    ("maxpool", [("+=", "=")], "windows overlap, so use +="),
    ("crossentropy", [("top = z.max(1)", "top = 0 * z.max(1)")], "it overflows"),
    ("crossentropy", [("z.max(1, keepdims=True)", "np.max(z)")], "the maximum is taken over all rows"),
    ("crossentropy", [("top = z.max(1)", "top = np.full(len(z), np.max(z))")], "the maximum is taken over all rows"),
    ("avgpool", [("+=", "=")],
     "windows overlap, so use +="),
    ("avgpool", [("window.astype(float).sum() / (P * Q)", "window.astype(float).sum()")], "not divided by P*Q"),
    ("batchnorm_gradient", [(" - xhat * dgamma / len(x)", "")], "lacks the term of the variance"),
    ("batchnorm_gradient", [(" - dbeta / len(x) - xhat * dgamma / len(x)", "")], "mean and variance are held still"),
    ("adam_step", [("alpha = lr * np.sqrt(1 - beta2**step) / (1 - beta1**step)", "alpha = lr")], "the bias correction"),
    ("adam_step", [("np.sqrt(v) + epsilon", "np.sqrt(v + epsilon)")], "epsilon is under the root"),
    ("depthwise", [("k[p, q, 0, c]", "k[p, q, 0, 0]")], "every filter computes the first filter"),
    ("depthwise", [("0 <= h < H and 0 <= w < W", "h < H and w < W")], "negative index reads from the other end"),
    ("quantised", [("np.int32", "np.int16")], "16 bits hold nothing above"),
    ("quantised", [(" - zero", "")], "the zero point is not subtracted"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "word"), WRONG, ids=[f"{n}: {w}" for n, _, w in WRONG])
def test_a_wrong_solution_hears_its_mistake(name, changes, word, tmp_path):
    verdict = check(find(name), changed(tmp_path, name, *changes))
    assert not verdict.solved
    assert word in verdict.lines[0] + verdict.lines[2]


@pytest.mark.parametrize("path", UNUSUAL, ids=lambda path: path.stem)
def test_an_unusual_solution_is_right(path):
    name = max((n for n in ("sum", "padding", "stride", "data_gradient", "maxpool", "crossentropy", "adam_step",
                            "quantised") if path.stem.startswith(n)), key=len)  # fmt: skip
    assert check(find(name), path).lines[0].startswith("solved: ")


def test_there_are_thirty_wrong_and_fifteen_unusual_ones():
    assert len(WRONG) >= 30
    assert len(UNUSUAL) >= 15


def test_the_call_is_shown_in_grids_with_the_students_own_line(tmp_path):
    lines = check(find("sum"), changed(tmp_path, "sum", ("j + q", "j + Q - 1 - q"))).lines
    text = "\n".join(lines)
    assert "your line 11:  y[n, i, j, f] += float(x[n, i + p, j + Q - 1 - q, c])" in text
    assert "  x[0,:,:,0]:\n    0 1\n  k[:,:,0,0]:\n    0 1\n" in text
    assert lines.index("details:") > lines.index("the simplest call found that shows it:")
    assert any("the right y[0,:,:,0]:   your y[0,:,:,0]:" in line for line in lines)


def test_an_exception_shows_its_line_and_no_traceback_of_ours(tmp_path):
    path = changed(tmp_path, "sum", ("    for p, q, c", "    helper(x)\n        for p, q, c"))
    path.write_text(path.read_text() + "\n\ndef helper(x):\n    return x[:, 99]\n")
    text = "\n".join(check(find("sum"), path).lines)
    assert "IndexError: index 99 is out of bounds" in text
    assert "your line 17:  return x[:, 99]" in text
    assert "Traceback" not in text
    assert "kernels/" not in text


def test_a_file_named_from_its_folder_shows_its_line_too(tmp_path, monkeypatch):
    """On the command line a file is sum.py, and not a whole path."""
    monkeypatch.chdir(tmp_path)
    changed(tmp_path, "sum", ("    for p, q, c", "    x[:, 99]\n        for p, q, c"))
    text = "\n".join(check(find("sum"), Path("sum.py")).lines)
    assert "your line 10:  x[:, 99]" in text


@pytest.mark.parametrize(("line", "error"), [("np.zeros(3)[7]", "IndexError"), ("def forward(x)", "SyntaxError")])
def test_a_file_that_cannot_be_run_shows_its_line(line, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sum.py").write_text(f"import numpy as np\n\n{line}\n")
    with pytest.raises(ValueError, match=error) as raised:
        check(find("sum"), Path("sum.py"))
    assert str(raised.value).endswith(f"your line 3:  {line}")


def test_the_simplest_call_of_max_pooling_names_its_window(tmp_path):
    path = changed(tmp_path, "maxpool", ("] += ", "] += 2 * "))
    assert "size = (1, 1), stride = (1, 1)" in "\n".join(check(find("maxpool"), path).lines)


def test_what_a_file_prints_is_bounded_and_apart(tmp_path):
    path = changed(
        tmp_path, "sum", ("            y[n, i, j, f] +=", "            print('here', n)\n            y[n, i, j, f] +=")
    )
    lines = check(find("sum"), path).lines
    assert lines[0].startswith("solved: ")
    assert lines[2] == "Your file printed:"
    assert lines[3:5] == ["  here 0", "  here 0"]
    assert len(lines) == 14
    assert "characters more" in lines[-1]


def test_two_mistakes_at_once_are_not_one(tmp_path):
    path = changed(
        tmp_path, "padding", ("0 <= h < H and 0 <= w < W", "h < H and w < W"), ("else b[f]", "else 2 * b[f]")
    )
    assert "something else is wrong besides" in check(find("padding"), path).lines[0]


@pytest.mark.parametrize(
    "name", ["sum", "stride", "maxpool", "crossentropy", "batchnorm_gradient", "adam_step", "quantised"]
)
def test_no_mistake_explains_the_right_answer(name):
    """A mistake that some problem cannot tell from the formula says None there, never True."""
    from convnet.exercises.feedback.mistake import Case
    from kernels.verify.problem import exact

    exercise = find(name)
    op = exercise.load_operation()
    for p in list(chain(*make_problems(exercise, op).values()))[::7]:
        for part in exercise.passes:
            right = Case(op, part, p, exact(op, part, p))
            assert not [m.says for m in mistakes_of(op.name, part) if m.test(right)]


def test_every_exercise_has_mistakes_for_each_of_its_passes():
    assert all(MISTAKES[e.operation][part] for e in EXERCISES for part in e.passes)


def test_another_seed_asks_for_other_numbers():
    exercise = find("sum")
    op = exercise.load_operation()
    one, two = (list(chain(*make_problems(exercise, op, seed).values())) for seed in (1, 2))
    assert len(one) == len(two) > 80
    assert not any(np.array_equal(a["x"], b["x"]) for a, b in zip(one, two, strict=True) if a["x"].size > 9)
