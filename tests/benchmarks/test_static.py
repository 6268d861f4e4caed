"""`python -m benchmarks static`, as a user starts it, on one small pass; and its roofline on figures known by hand."""

import json
from collections import Counter

import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from benchmarks import static_command
from benchmarks.gpus import GPUS, of
from benchmarks.static_report import Pass, Prediction, predict
from kernels.emulator import machine_code
from kernels.emulator.machine_code import Loop, MachineCode
from kernels.emulator.report import Launch, Report
from tests.benchmarks.test_commands import benchmarks, in_process

H100 = of((9, 0))


class OneCode:
    """A kernel whose hot loop is half multiply-adds."""

    def of(self, launch, gpu):
        return MachineCode(32, 0, 0, 0, 10, 0, Loop(10, Counter({"FFMA": 5})))


def a_pass(scale, size):
    report = Report("k", instructions=7, wavefronts=scale, launch=Launch(len, (), {}, (1, 1, 1), (32, 1, 1), 0))
    report.kinds.update({"fma.rn.f32": 100 * scale})
    return Pass("conv2d", "cuda", "forward", "case", size, [report])


def test_the_slowest_of_four_terms_is_the_time():
    p = a_pass(1, 10)
    p.twice = a_pass(2, 20)
    found = predict(p, H100, OneCode(), 64)
    rate = 132 * 1.98e9
    assert isinstance(found, Prediction)
    assert found.terms["issue"] == pytest.approx(64 * 200 / 4 / rate)
    assert found.terms["multiply-adds"] == pytest.approx(64 * 100 / 4 / rate)  # 128 lanes: one a quarter and cycle
    assert found.terms["shared memory"] == pytest.approx(64 / rate)
    assert found.terms["global memory"] == pytest.approx(64 * 10 / 3.35e12)
    assert (found.limit, found.seconds) == ("issue", found.terms["issue"])


def test_what_does_not_grow_with_the_images_is_paid_once():
    p = a_pass(3, 10)
    p.twice = a_pass(3, 20)  # as many multiply-adds for twice the images
    found = predict(p, H100, OneCode(), 64)
    assert found.terms["shared memory"] == pytest.approx(3 / (132 * 1.98e9))
    assert found.terms["global memory"] == pytest.approx(640 / 3.35e12)


def test_the_a100_has_half_the_lanes():
    p = a_pass(1, 0)
    p.twice = a_pass(2, 0)
    terms = predict(p, of((8, 0)), OneCode(), 1).terms
    assert terms["multiply-adds"] == terms["issue"]  # two cycles each, as the other half takes one


@pytest.mark.parametrize(("name", "peak"), [("A100", 19.5), ("H100", 66.9), ("B200", 75.0)])
def test_peaks_are_those_of_the_data_sheets(name, peak):
    assert next(g for g in GPUS if g.name == name).peak == pytest.approx(1000 * peak, rel=0.002)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["7.0"], "--cc 7.0: the report knows the GPUs of 8.0 .A100., 9.0"),
        (["9", "x"], "--cc: compute capabilities like"),
    ],
)
def test_a_wrong_compute_capability_is_told_what_there_is(given, message):
    with pytest.raises(ValueError, match=message):
        static_command.parse(given)


def test_the_command_on_one_pass(tmp_path):
    try:
        machine_code.tool("ptxas"), machine_code.tool("nvdisasm")
    except RuntimeError as error:
        pytest.skip(str(error))
    out, markdown = tmp_path / "a.json", tmp_path / "a.md"
    files = ("--json", str(out), "--markdown", str(markdown))
    in_process("static", "--cc", "8.0", "9.0", "--only", "relu forward", *files)
    found = json.loads(out.read_text())
    (record,) = found["records"]
    (launch,) = record["launches"]
    assert set(launch["code"]) == set(record["predicted"]) == {"A100", "H100"}
    assert launch["code"]["H100"]["registers"] > 0
    assert record["predicted"]["A100"]["limit"] == "global memory"
    assert "| relu forward | 16384 |" in markdown.read_text()
    assert "Measured: nothing." in markdown.read_text()
    launch["code"]["H100"]["registers"] = 77  # no kernel has: what stands in the file is kept
    out.write_text(json.dumps(found))
    in_process("static", "--cc", "8.0", "9.0", "--only", "relu forward", *files, "--resume")
    assert "/ 77 |" in markdown.read_text()
    with pytest.raises(ValueError, match="was made with the options"):
        static_command.run(GPUS, "relu forward", {}, out, resume=True)
    assert benchmarks("static", "--only", "nothing like it").returncode == 2
