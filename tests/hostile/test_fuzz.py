"""A slice of the runs that CONTRIBUTING.md names: each mutated file ends in a result or one clear error."""

import pytest

from convnet.data import cohort, dicom
from tests.fuzz import campaigns, corpus
from tests.fuzz.run import GOOD, failures, run

FILES = 60  # of each campaign


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("campaign", campaigns.ALL, ids=lambda c: c.name)
def test_every_mutated_file_ends_in_a_result_or_one_clear_error(campaign):
    rows = list(run(campaign, 1, list(range(FILES)), workers=2))
    assert failures(rows) == []
    assert [row["n"] for row in rows if row["n"] != GOOD] == list(range(FILES))
    assert [row["outcome"] for row in rows if row["n"] == GOOD] == ["result"] * len(range(0, FILES, 50))
    kinds = {row["outcome"] for row in rows}
    assert {"result", "refused"} <= kinds


@pytest.mark.filterwarnings("ignore")
def test_a_folder_of_mutated_files_gives_every_good_one_to_the_cohort(tmp_path):
    good = [f"{n}.dcm" for n in range(0, 60, 10)]
    for n in range(60):
        name = f"{n}.dcm"
        (tmp_path / name).write_bytes(corpus.good() if name in good else corpus.mutation(2, n))
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"{n}.dcm,x\n" for n in range(60)))
    for cache in (False, True):
        c = cohort.load_folder(tmp_path, tmp_path / "labels.csv", split_all="test", cache=cache)
        assert set(good) <= set(c.paths)
        assert len({*c.paths, *(skipped.path for skipped in c.skipped)}) == 60
        expected = dicom.read_images(tmp_path / good[0])[0]
        for i, path in enumerate(c.paths):
            assert path not in good or (c.x[i][..., 0] == expected).all()


def test_a_mutation_depends_on_seed_and_number_alone_and_is_one():
    assert corpus.mutation(0, 7) == corpus.mutation(0, 7)
    assert len({corpus.mutation(seed, n) for seed in (0, 1) for n in range(20)}) >= 38
    good = sum(corpus.mutation(0, n) in (*corpus.seeds()[0], *corpus.seeds()[1]) for n in range(60))
    assert good <= 2


def test_a_fault_is_reported_as_one():
    rows = [
        {"n": 1, "outcome": "fault", "reason": "cannot be read: KeyError", "seconds": 0, "peak": 0},
        {"n": 2, "outcome": "result", "reason": "", "seconds": 30, "peak": 0},
        {"n": GOOD, "outcome": "refused", "reason": "lost", "seconds": 0, "peak": 2 * 10**9},
    ]
    assert len(failures(rows)) == 4
