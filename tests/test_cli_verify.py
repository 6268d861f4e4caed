"""`convnet verify` and `convnet exercise` as a user meets them: exit code, output, files, and no traceback."""

import json

import pytest

from tests.command import convnet
from tests.kernels.kernel_files import CONV, WRONG


def test_verify_prints_the_certificate_and_writes_it_as_json_and_as_a_page(tmp_path):
    done = convnet(*("verify", "--op", "add", "--quick", "--json", tmp_path / "c.json", "--html", tmp_path / "c.html"))
    assert done.returncode == 0, done.stderr
    assert "all 4 passes are their formula" in done.stdout
    assert json.loads((tmp_path / "c.json").read_text())["ok"] is True
    assert "<math" in (tmp_path / "c.html").read_text()


def test_verify_on_the_emulated_device_says_that_there_was_no_gpu():
    pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    done = convnet("verify", "--op", "relu", "--target", "cuda-emulated", "--json", "-")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["target"] == "cuda-emulated"
    rows = document["rows"]
    assert {(r["variant"], r["pass"], r["dtype"]) for r in rows} == {
        ("cuda", p, t) for p in ("forward", "backward") for t in ("float32", "float64")
    }
    assert all(r["ok"] and "threads" not in r["problems"] for r in rows)
    assert "no GPU was used" in convnet("verify", "--op", "relu", "--target", "cuda-emulated", "--quick").stdout


def test_a_wrong_kernel_is_exit_code_1_with_the_smallest_call_that_shows_it(tmp_path):
    before, after, broken = WRONG["the kernel is flipped"]
    (tmp_path / "mine.py").write_text(CONV.replace(before, after))
    done = convnet("verify", "--op", "conv2d", "--kernel", tmp_path / "mine.py", "--quick", "--json", "-")
    assert done.returncode == 1
    failure = json.loads(done.stdout)["rows"][0]["failures"][0]
    assert failure["property"] == broken
    assert failure["expected"] != failure["actual"]
    assert failure["counterexample"]["shapes"]["k"] in ([2, 1, 1, 1], [1, 2, 1, 1])


def test_an_exercise_is_started_once_and_checked(tmp_path):
    assert "write the sum" in convnet("exercise", "list").stdout
    assert convnet("exercise", "start", "sum", cwd=tmp_path).returncode == 0
    again = convnet("exercise", "start", "sum", cwd=tmp_path)
    assert again.returncode == 2
    assert "exists, and is left as it is" in again.stderr
    done = convnet("exercise", "check", "sum", cwd=tmp_path)
    assert done.returncode == 1
    assert "NotImplementedError: write the sum" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--op", "conv3d"], "no operation 'conv3d'; choose one of: conv2d"),
        (["verify", "--kernel", "no.py", "--op", "conv2d"], "--kernel no.py: not a Python file"),
        (["verify", "--kernel", "no.py"], "needs one --op"),
        (["verify", "--target", "tpu"], "there is no target 'tpu'; choose one of: cpu, cuda, cuda-emulated, simulated"),
        (["verify", "--target", "simulated"], "'simulated' needs the [cuda] extra"),
        (["verify", "--html", "nowhere/c.html"], "there is no folder nowhere"),
        (["exercise", "start", "fft"], "no exercise 'fft'; choose one of: sum"),
        (["exercise", "check", "sum"], "there is no sum.py: `convnet exercise start sum`"),
    ],
)
def test_a_users_error_is_exit_code_2_and_one_line(arguments, message, tmp_path):
    done = convnet(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
