"""`python -m benchmarks gpu`: its whole way on the emulator, and what only a GPU does by stand-ins for the driver."""

import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from benchmarks import gpu_check, gpu_clock, gpu_command, gpu_peers, gpu_tasks, results
from benchmarks.errors import ImpossibleError, WrongResultError
from benchmarks.gpus import of, of_device
from kernels import device, registry, targets, toolchain
from kernels.emulator import run
from tests.benchmarks.test_commands import benchmarks, in_process

TIMED = list(gpu_tasks.timed(None, tiny=True))


@pytest.mark.parametrize("t", TIMED, ids=lambda t: f"{t.label}, {t.case}")
def test_every_pass_that_is_timed_is_right_and_poison_would_be_seen(t):
    for variant in registry.general(t.operation.name, "cuda"):
        task, with_transfers = gpu_tasks.task(t, variant, "cuda-emulated")
        task.verify("before")
        with_transfers()
        task.reset()
        with pytest.raises(WrongResultError, match=f"{t.name}, {variant}, idle timing: wrong result"):
            task.__class__(**{**vars(task), "run": lambda: None}).verify("idle")
    gpu_tasks.task(t, "cpu", "cpu")[0].verify("before")


@pytest.mark.parametrize("t", [t for t in TIMED if (t.operation.name, t.name) in gpu_peers.CUPY], ids=lambda t: t.label)
@pytest.mark.filterwarnings("ignore:overflow encountered in exp")
def test_cupys_formulas_are_ours(t):
    """By NumPy, which has the same calls."""
    (peer,) = gpu_peers.cupy(np, t, gpu_tasks.task(t, "cpu", "cpu")[0])
    peer.verify("before")


@pytest.mark.parametrize("t", TIMED, ids=lambda t: f"{t.label}, {t.case}")
def test_pytorchs_passes_are_ours(t):
    torch = pytest.importorskip("torch")
    for peer in gpu_peers.pytorch((torch, "cpu"), t, gpu_tasks.task(t, "cpu", "cpu")[0]):
        peer.run()
        peer.verify("before")


def test_the_command_on_the_emulator_says_what_it_is(tmp_path):
    out, markdown = tmp_path / "a.json", tmp_path / "a.md"
    files = ("--json", str(out), "--markdown", str(markdown), "--out", str(tmp_path / "roof"))
    said = in_process("gpu", "--emulated", "--only", "dense forward", *files)
    assert "EMULATED: no GPU was timed" in said
    found = results.read(out)
    assert found["options"]["target"] == "cuda-emulated"
    assert found["machine"]["gpu"]["verified"]["passes"] == 3 * (2 * 2 + 3)  # 2 variants in 2 dtypes, 3 on tensor cores
    variants = [e["variant"] for e in found["records"] if e["variant"] not in ("PyTorch", "CuPy")]
    assert variants == ["cpu", "cuda_naive", "cuda"]
    ours = found["records"][-1]
    assert ours["flops"] == 2 * 2 * 256 * 128
    assert ours["predicted"]["gpu"]["name"] == "A100"
    assert ours["transfers"][0] > 0
    assert "| dense forward | 256 to 128 | cuda |" in markdown.read_text()


def test_without_a_gpu_the_command_says_what_to_do():
    if targets.missing("cuda") is None:
        pytest.skip("there is a GPU")
    done = benchmarks("gpu")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no driver found" in done.stderr
    assert "python -m benchmarks gpu --emulated" in done.stderr


def test_a_wrong_kernel_is_not_timed(monkeypatch):
    found = registry.find

    def wrong(op, variant, name):
        kernel = found(op, variant, name)
        if not variant.startswith("cuda"):
            return kernel
        return lambda x, out: kernel(x, out=out) if name == "forward" and x.size < 5 else targets.copy(out, x)

    monkeypatch.setattr(registry, "find", wrong)
    with pytest.raises(WrongResultError, match=r"relu cuda .* nothing is timed"):
        gpu_check.verified(["relu"], "cuda-emulated", quick=True)


def test_a_driver_that_cannot_run_our_code_is_told_what_helps(monkeypatch):
    def launch(self, *arguments):
        raise ValueError("CUDA_ERROR_UNSUPPORTED_PTX_VERSION")

    monkeypatch.setattr(device.Emulated, "launch", launch)
    with pytest.raises(RuntimeError, match=r"UNSUPPORTED_PTX_VERSION.* update the driver"):
        gpu_check.driver("cuda-emulated")


def test_events_stand_around_calls_that_were_queued_while_the_device_slept(monkeypatch):
    seen = []

    class Event:
        def record(self):
            seen.append("event")

        def synchronize(self):
            seen.append("wait")

        def elapsed_time(self, end):
            return 7.0  # ms

    class Hold:
        def __getitem__(self, grid):
            return lambda naps: seen.append("hold" if naps > 0 else "no time")

    cuda = SimpleNamespace(event=Event, synchronize=lambda: seen.append("wait"))
    monkeypatch.setattr(toolchain, "numba_cuda", lambda: cuda)
    monkeypatch.setattr(gpu_clock, "_hold", Hold)
    assert gpu_clock.events("cuda")(lambda: seen.append("call"), 2) == 0.007
    assert seen == ["call", "call", "wait", "hold", "event", "call", "call", "event", "wait"]


def test_the_kernel_that_sleeps_is_one():
    report = run(gpu_clock._hold().py_func, 1, 1, (3,))
    assert report.kinds["nanosleep.u32"] == 3


def sanitizer(folder, monkeypatch, code, text="", more=""):
    script = folder / gpu_check.SANITIZER
    lines = (f"#!{sys.executable}", "import sys", f"print({text!r}, sys.argv[1:])", more, f"sys.exit({code})", "")
    script.write_text("\n".join(lines))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_a_sanitizer_that_objects_ends_it(tmp_path, monkeypatch):
    sanitizer(tmp_path, monkeypatch, gpu_check.FAULT, "========= Invalid read")
    with pytest.raises(WrongResultError, match=r"memcheck objects; nothing is timed:\n========= Invalid read"):
        gpu_check.sanitized(["relu"], 60)


def test_a_sanitizer_that_fails_itself_is_no_verdict(tmp_path, monkeypatch):
    sanitizer(tmp_path, monkeypatch, 3)
    with pytest.raises(RuntimeError, match=r"ended with 3: .*'memcheck', .*'verify', '--target', 'cuda', .*'relu'"):
        gpu_check.sanitized(["relu"], 60)


def test_the_sanitizers_tools_are_all_asked_or_none(tmp_path, monkeypatch):
    sanitizer(tmp_path, monkeypatch, 0)
    assert gpu_check.sanitized(["relu"], 60) == dict.fromkeys(gpu_check.TOOLS, "no errors")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert gpu_check.sanitized(["relu"], 60) == {}


def test_a_sanitizer_that_takes_too_long_is_stopped_with_all_that_it_started(tmp_path, monkeypatch):
    child = f"{tmp_path}/child"
    starts = (
        f"import subprocess; p = subprocess.Popen(['sleep', '1000']); open({child!r}, 'w').write(str(p.pid)); p.wait()"
    )
    sanitizer(tmp_path, monkeypatch, 0, more=starts)
    monkeypatch.setattr(gpu_check, "TOOLS", ("memcheck",))
    assert gpu_check.sanitized(["relu"], 5) == {"memcheck": "stopped after 5 s without a verdict"}
    assert ends(Path(f"/proc/{Path(child).read_text()}/stat"))


def ends(status):
    """Whether a process that was killed is gone, or waits to be collected: the system takes a moment for it."""
    for _ in range(1000):
        try:
            if status.read_text().split()[2] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_what_was_measured_before_an_early_end_is_kept(tmp_path, monkeypatch):
    first, *_ = gpu_tasks.timed("dense forward", tiny=True)
    entry = dict.fromkeys([*results.RECORD_KEYS, "flops", "bytes"], 1) | {
        "case": "dense, a",
        "variant": "cuda",
        "samples": [0.5],
    }
    given = iter([[entry]])
    monkeypatch.setattr(gpu_check, "verified", lambda *a: {"passes": 1, "problems": 1, "quick": True, "seconds": 1.0})
    monkeypatch.setattr(gpu_check, "driver", lambda target: {"name": "emulator"})
    monkeypatch.setattr(gpu_command, "predictor", lambda gpu: lambda t: None)
    monkeypatch.setattr(gpu_command, "measure", lambda *a: next(given))
    monkeypatch.setattr(gpu_tasks, "timed", lambda *a, **k: [first, first])
    wishes = gpu_command.Wishes("cuda-emulated", json=tmp_path / "a.json")
    with pytest.raises(StopIteration):
        gpu_command.run(wishes, gpu_command.ONCE, {"quick": True})
    kept = results.read(tmp_path / "a.json")
    assert not kept["options"]["complete"]
    assert [e["case"] for e in kept["records"]] == ["dense, a"]


H100 = {
    "name": "NVIDIA H100 80GB HBM3", "compute_capability": (9, 0), "multiprocessors": 132, "clock_khz": 1_980_000,
    "memory_clock_khz": 2_619_000, "memory_bus_bits": 5120,
}  # fmt: skip


def test_what_a_driver_says_of_an_h100_is_its_data_sheet():
    gpu = of_device(H100)
    assert gpu.peak == pytest.approx(of((9, 0)).peak)
    assert gpu.memory == pytest.approx(of((9, 0)).memory, rel=0.001)
    assert of_device({**H100, "memory_clock_khz": 0}) is None


def test_more_operations_than_the_gpu_has_are_impossible():
    entry = {"case": "conv2d, a", "pass": "forward", "variant": "cuda", "flops": 10**12, "samples": [0.01]}
    with pytest.raises(ImpossibleError, match="100000 GFLOP/s are above the 66908 of H100"):
        gpu_command.check_possible(entry, of((9, 0)))
    gpu_command.check_possible({**entry, "variant": "PyTorch"}, of((9, 0)))  # it may transform, and do fewer


def test_the_faster_layout_is_pytorchs():
    entries = [{"variant": v, "samples": [s]} for v, s in (("PyTorch", 2), ("PyTorch", 1), ("cpu", 3), ("cuda", 4))]
    assert [e["samples"] for e in gpu_command.fastest_layout(entries)] == [[1], [3], [4]]
