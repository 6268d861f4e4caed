"""A round counts only if nobody slowed the processor before or after any of its samples."""

import itertools

import numba
import pytest

from benchmarks import neighbours, sampling
from benchmarks.neighbours import Watch
from benchmarks.sampling import Effort

QUIET, SLOW = 10.0, 5.0


def watched(rates, fast=0.8):
    return Watch(iter(rates).__next__, fast)


def test_a_round_with_a_slow_probe_is_taken_again():
    # a round lost within, one lost before it began, one kept
    rates = itertools.cycle([QUIET, QUIET, SLOW, SLOW, QUIET, QUIET, QUIET])
    watch = watched([QUIET, *itertools.islice(rates, 100)])
    watch.is_fast()
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in "ab"}
    effort = Effort(rounds=2, sample=0.0, settle=0.0, watch=watch)
    samples = sampling.interleave(runs, effort, lambda run, count: 0.5 * count)
    assert samples == {"a": [0.5, 0.5], "b": [0.5, 0.5]}
    assert watch.share() == pytest.approx(4 / 6)


def test_contestants_that_time_themselves_are_watched_as_well():
    watch = watched([QUIET, SLOW, QUIET, QUIET])
    assert watch.is_fast()
    effort = Effort(rounds=1, sample=0.0, settle=0.0, watch=watch)
    assert sampling.take_turns({"a": lambda calls: 1.0 / calls}, {"a": 4}, effort) == {"a": [0.25]}
    assert (watch.tried, watch.rejected) == (2, 1)


def test_a_processor_that_is_never_quiet_is_not_reported():
    watch = watched(itertools.chain([QUIET] * 200, itertools.repeat(SLOW)))
    for _ in range(200):
        watch.is_fast()
    effort = Effort(rounds=3, sample=0.0, settle=0.0, watch=watch)
    with pytest.raises(RuntimeError, match="a neighbour slowed the processor in 60 of 60 rounds"):
        sampling.interleave({"a": lambda: None}, effort, lambda run, count: 1.0)


def test_a_single_probe_that_is_too_fast_does_not_make_the_others_slow():
    watch = watched([*[QUIET] * 20, 10 * QUIET, QUIET])
    for _ in range(21):
        watch.is_fast()
    assert watch.is_fast()


def test_the_probe_of_the_second_level_cache_measures_what_its_threads_read(monkeypatch):
    monkeypatch.setattr(neighbours, "REPEATS", 2)
    probe, threads = neighbours.CacheProbe(), numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert 1e6 < probe() < 1e13  # bytes a second
        assert numba.get_num_threads() == 1
    finally:
        numba.set_num_threads(threads)
