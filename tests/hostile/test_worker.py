"""A file can end its worker, never the run, and never another file's reading."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.reading import messages
from convnet.data.reading.readers import Readers
from tests.hostile import functions

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces RLIMIT_AS")


@pytest.fixture
def readers():
    with Readers(Limits(), workers=1) as found:
        yield found


@pytest.fixture
def strict():
    """Half a second and 64 MiB a file."""
    with Readers(Limits(seconds=0.5, memory=64 * 2**20), workers=1) as found:
        yield found


def call(readers, function, *arguments, path="some.dcm"):
    return list(readers.read(function, path, *arguments))


def test_a_worker_is_used_again_for_the_next_file(readers):
    assert call(readers, functions.process) == call(readers, functions.process) != [os.getpid()]


def test_a_file_that_takes_too_long_is_given_up_and_the_next_is_read(strict):
    start = time.monotonic()
    with pytest.raises(DicomError, match=r"some\.dcm: was not read within 0\.5 s: raise it with --limit seconds"):
        call(strict, functions.slow, 60)
    assert time.monotonic() - start < 30
    assert call(strict, functions.slow, 0) == ["done"]


def test_the_time_counts_from_one_frame_to_the_next(strict):
    assert call(strict, functions.slow_steps, 0.2, 4) == [0, 1, 2, 3]


def test_a_crash_is_one_files_error_and_the_next_is_read(readers):
    with pytest.raises(DicomError, match=r"ended the process that was reading it \(signal 11\)"):
        call(readers, functions.crash)
    with pytest.raises(DicomError, match=r"ended the process that was reading it \(exit code 3\)"):
        call(readers, functions.leave)
    assert call(readers, functions.slow, 0) == ["done"]


@linux
def test_a_file_that_needs_too_much_memory_is_given_up_and_the_next_is_read(strict):
    with pytest.raises(DicomError, match="needs more memory to read than the limit of 64 MiB: raise it with --limit"):
        call(strict, functions.greedy, 2**30)
    assert call(strict, functions.greedy, 2**20) == [2.0**20]


def test_answers_that_are_too_large_in_all_are_not_taken(readers, strict):
    assert len(call(readers, functions.many, 2**22, 20)) == 20
    with pytest.raises(DicomError, match="needs more memory to read than the limit of 64 MiB"):
        call(strict, functions.many, 2**22, 20)
    assert call(strict, functions.slow, 0) == ["done"]


def test_what_a_decoder_prints_is_no_answer_and_is_not_shown(readers, capfd):
    assert call(readers, functions.noisy) == ["an answer"]
    out, err = capfd.readouterr()
    assert "PATIENT" not in out + err


def test_a_fault_of_ours_is_one_line_without_the_files_text(readers):
    with pytest.raises(DicomError) as refused:
        call(readers, functions.fault)
    assert refused.value.reason == "cannot be read: IndexError (a fault in convnet; CONVNET_TRACEBACK=1 shows where)"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX forbids a process to write files")
def test_a_worker_cannot_write_files(readers, tmp_path):
    with pytest.raises(DicomError):
        call(readers, functions.write, path=tmp_path / "x")
    assert not (tmp_path / "x").exists() or (tmp_path / "x").read_bytes() == b""


def test_files_come_back_in_order_and_none_is_lost_beside_bad_ones():
    def read(number):
        if number % 5 == 0:
            return call(readers, functions.leave)
        return call(readers, functions.slow_steps, 0.02 * (number % 3), 1 + number % 3)

    with Readers(Limits(), workers=2) as readers:
        results = list(readers.map(read, range(20)))
    assert [number for number, _ in results] == list(range(20))
    for number, result in results:
        if number % 5 == 0:
            assert "exit code 3" in result.reason
        else:
            assert result == list(range(1 + number % 3))


def test_who_wants_no_more_results_leaves_no_process_behind():
    limits = Limits(seconds=59)  # no other test's workers
    with Readers(limits, workers=2) as readers:
        for _ in readers.map(lambda n: call(readers, functions.slow, 30 * n), range(8)):
            break
        workers = readers.workers
    for worker in workers:
        assert worker.process is None or worker.process.wait(10) is not None or not worker.busy


def test_values_come_back_as_they_were(readers):
    given = [None, True, 3, 2.5, float("inf"), "text \udcff é", [1, [2]], (1, (2,)), {"a": (1, {"array": [0]})}]
    assert call(readers, functions.values, *given) == given
    for array in (np.arange(6, dtype="<i2").reshape(2, 3), np.zeros((0, 3), np.float32), np.array(2.5), np.eye(3).T):
        (back,) = call(readers, functions.values, array)
        np.testing.assert_array_equal(back, array, strict=True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\1\0\0",
        b"\xff" * 100,
        b"\2\0\0\0\2\0\0\0[][]"[:-1],
        b'\x0b\0\0\0\2\0\0\0{"array":0}[]',
        b'\x0b\0\0\0\x0d\0\0\0{"array":0}[["|O",[1]]]' + bytes(8),
        b'\x0b\0\0\0\x0f\0\0\0{"array":0}[["<f4",[-1]]]' + bytes(8),
        b'\x0c\0\0\0\2\0\0\0{"what":[0]}[]',
    ],
)
def test_what_is_no_message_is_refused_and_an_array_of_objects_above_all(data):
    with pytest.raises(messages.Broken):
        messages.receive(io.BytesIO(data))


def test_a_message_that_states_more_than_the_limit_allocates_nothing():
    kinds = b'[["<f8",[1099511627776]]]'
    data = b"\x0b\0\0\0" + len(kinds).to_bytes(4, "little") + b'{"array":0}' + kinds
    with pytest.raises(MemoryError):
        messages.receive(io.BytesIO(data), most=2**30)


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from convnet.data.limits import Limits
from convnet.data.reading.readers import Readers
from tests.hostile import functions
try:
    with Readers(Limits(seconds=60), workers=2) as readers:
        print(*readers.read(functions.process, "x"), flush=True)
        for _ in readers.map(lambda n: list(readers.read(functions.slow, "x", 30)), range(9)):
            pass
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_the_run_and_its_workers_at_once():
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    worker = int(process.stdout.readline())
    time.sleep(0.5)
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the run and its workers
    out, _ = process.communicate(timeout=60)
    assert out.strip() == "interrupted"
    assert time.monotonic() - start < 20
    time.sleep(0.1)
    assert not Path(f"/proc/{worker}").exists()


def test_a_script_without_a_main_guard_can_read_a_folder(tmp_path):
    from convnet.data.phantom import Study

    Study(train=2, val=0, test=0).write(tmp_path / "study")
    script = tmp_path / "script.py"
    script.write_text(
        "from convnet.data import cohort\n"
        "c = cohort.load_folder('study', 'study/labels.csv', split_all='test')\n"
        "print('once', c.x.shape)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "once (2, 28, 28, 1)\n", done.stderr


def test_the_peak_that_a_worker_reports_is_its_own_and_not_its_parents(readers):
    here = np.ones(2**26)  # half a gigabyte
    call(readers, functions.slow, 0)
    assert 2**20 < readers.peak < here.nbytes
