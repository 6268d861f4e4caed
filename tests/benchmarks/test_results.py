"""Documents, verdicts, and what is refused: wrong results and impossible figures."""

import json

import numpy as np
import pytest

from benchmarks import compare_command, peaks, results, sampling, tasks
from benchmarks.cases import TINY


def document(**samples):
    records = [{"case": c, "pass": "forward", "variant": "cpu", "samples": s} for c, s in samples.items()]
    machine = {"model": "made up", "threads": 2, "vector_bits": 256, "versions": {}}
    keys = {"schema": results.SCHEMA, "command": "kernels", "options": {}, "machine": machine, "peak": None}
    return {**keys, "records": records}


def test_compare_says_faster_slower_or_undecided():
    noise = 1 + 0.01 * np.random.default_rng(0).standard_normal((6, 21))
    old = document(a=list(noise[0]), b=list(noise[1]), c=list(noise[2]), gone=[1.0])
    new = document(a=list(0.8 * noise[3]), b=list(1.2 * noise[4]), c=list(noise[5]), new=[1.0])
    found = {key[0]: verdict for key, *_, verdict in compare_command.compare(old, new)}
    assert found == {"a": "faster", "b": "slower", "c": "undecided"}
    assert compare_command.table(old, new).notes == ["1 faster, 1 slower, 1 undecided"]


def test_compare_warns_where_the_machines_differ_and_refuses_files_without_a_common_case():
    old, new = document(a=[1.0]), document(a=[1.0])
    new["machine"]["threads"] = 4
    assert "threads differs: 2 and 4" in compare_command.table(old, new).notes[-1]
    with pytest.raises(ValueError, match="no case in common"):
        compare_command.compare(old, document(b=[1.0]))


def test_a_document_survives_its_file(tmp_path):
    content = document(a=[1.0, 2.0])
    results.write(tmp_path / "new folder" / "a.json", content)
    assert results.read(tmp_path / "new folder" / "a.json") == content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other/9"}, "expected schema"),
        ({"more": 1}, "expected the keys"),
        ({"records": [{"case": "a", "pass": "p", "variant": "v", "samples": [0.0]}]}, "positive samples"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, change, message):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**document(a=[1.0]), **change}))
    with pytest.raises(ValueError, match=message):
        results.read(path)


def test_a_figure_above_the_roof_is_refused_even_after_measuring_the_roof_again(monkeypatch):
    monkeypatch.setattr(peaks, "fma", lambda: 100.0)
    monkeypatch.setattr(peaks, "bandwidth", lambda working_set: 50.0)
    measured = []
    monkeypatch.setattr(peaks, "again", lambda: measured.append(1))
    entry = {"case": "c", "pass": "forward", "variant": "cpu", "flops": 10**9, "bytes": 10**6}
    results.check_possible({**entry, "samples": [0.0096]})  # 104 GFLOP/s: within the margin
    assert not measured
    with pytest.raises(results.ImpossibleError, match="125 GFLOP/s are above the machine's 100"):
        results.check_possible({**entry, "samples": [0.008]})
    assert measured
    with pytest.raises(results.ImpossibleError, match="60 GB/s are above the machine's 50"):
        results.check_possible({**entry, "flops": 1, "samples": [1 / 60e3]})


def test_a_wrong_result_is_not_timed():
    problem = tasks.ConvProblem(TINY)
    task = problem.task("forward")
    task.verify("before")
    right = task.run
    task.run = lambda: (right(), np.add(*task.results(), 1, out=task.results()[0]))
    with pytest.raises(tasks.WrongResultError, match="tiny, forward, cpu, before timing: wrong result, off by up to 1"):
        task.verify("before")


def test_a_kernel_that_writes_nothing_does_not_pass_with_what_was_there():
    task = tasks.ConvProblem(TINY).task("forward")
    task.verify("before")
    task.run = lambda: None
    with pytest.raises(tasks.WrongResultError):
        task.verify("after")


def test_contestants_take_turns():
    order = []
    runs = {name: (lambda name=name: order.append(name)) for name in "ab"}
    samples = sampling.interleave(runs, sampling.Effort(rounds=4, sample=1e-9, settle=0.0))
    assert [len(samples[name]) for name in "ab"] == [4, 4]
    turns = [n for i, n in enumerate(order) if i == 0 or order[i - 1] != n]
    assert "".join(turns[-5:]) in ("ababa", "babab")
