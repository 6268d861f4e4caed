"""`benchmarks inference`: what its peers are given is the network, and a wrong answer ends it."""

import numpy as np
import pytest

from benchmarks import inference_command, sampling
from benchmarks.errors import WrongResultError
from tests.benchmarks.test_commands import in_process

onnx = pytest.importorskip("onnx", reason="needs the [onnx] extra")


class Peer:
    """Answers as a child process would, with outputs by ONNX's own reference."""

    version, error = "1", 0.0

    def ask(self, do, path, images, threads, calls=1):
        from onnx.reference import ReferenceEvaluator

        if do == "outputs":
            return (ReferenceEvaluator(path).run(None, {"v0": np.load(images)})[0] + self.error).tolist()
        return 1e-4 if do == "predict" else [1e-4] * calls


def test_the_file_that_peers_read_is_the_network_and_another_answer_is_refused(tmp_path):
    model, peer = inference_command.make_model(tmp_path), Peer()
    mean, single = inference_command.contestants(model, tmp_path, 2, [1], {"peer": peer})
    assert list(mean) == list(single) == ["ours, 1", "ours, compiled, 1", "peer, 1"]
    assert all(run(2) > 0 for run in mean.values())
    assert all(len(run(3)) == 3 for run in single.values())
    peer.error = 1e-3
    with pytest.raises(WrongResultError, match=r"peer, 2 images: probabilities differ by 0\.001"):
        inference_command.contestants(model, tmp_path, 2, [1], {"peer": peer})


def test_the_command_times_ours_alone_where_no_peer_is_named():
    shown = in_process("inference", "--quick", "--threads", "1")
    assert "512 images" in shown
    assert "ours, compiled, 1" in shown
    assert "99th percentile" in shown


def test_contestants_that_time_themselves_take_turns_so_that_nobody_always_runs_in_the_others_wake():
    seen = []

    def run(name):
        return lambda calls: (seen.append(name), float(calls))[1]

    effort = sampling.Effort(rounds=2, sample=1e-3, settle=0.0)
    found = sampling.take_turns({"a": run("a"), "b": run("b")}, {"a": 1, "b": 2}, effort)
    assert found == {"a": [1.0, 1.0], "b": [2.0, 2.0]}
    assert seen == ["a", "b", "b", "a"]
