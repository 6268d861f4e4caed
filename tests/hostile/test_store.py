"""Decoded images on disk: the same bits, never stale, never larger in memory than promised, and nobody's name."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convnet.data import cohort, limits
from convnet.data.cohort import store
from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import Limits
from convnet.data.phantom import Study
from convnet.data.reading import tasks
from convnet.data.reading.worker import Worker


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A small study, and an empty place for decoded images."""
    monkeypatch.setenv("FORMULA_CONVNET_IMAGES", str(tmp_path / "images"))
    Study(train=40, val=8, test=8).write(tmp_path / "study")
    return tmp_path / "study"


def load(study, cache=True, **options):
    return cohort.load_folder(study, study / "labels.csv", strict=True, cache=cache, **options)


@pytest.fixture
def no_worker(monkeypatch):
    """From now on nothing may be decoded."""
    call = Worker.call

    def only_headers(self, function, *arguments, **options):
        assert function is not tasks.labelled_images, "decoded again"
        return call(self, function, *arguments, **options)

    return lambda: monkeypatch.setattr(Worker, "call", only_headers)


def test_images_from_disk_are_the_decoded_ones_to_the_bit(study, no_worker):
    plain = load(study, cache=False)
    for again in range(2):
        kept = load(study)
        np.testing.assert_array_equal(np.asarray(kept.x), plain.x, strict=True)
        assert (kept.paths, kept.splits, kept.patients) == (plain.paths, plain.splits, plain.patients)
        for split in ("train", "val", "test"):
            np.testing.assert_array_equal(kept.split(split)[0][:], plain.split(split)[0])
        if not again:
            no_worker()


def test_a_file_that_was_changed_is_decoded_anew(study):
    load(study)
    ds = pydicom.dcmread(study / "train" / "PHANTOM-0001.dcm")
    ds.PixelData = b"\0" * len(ds.PixelData)
    ds.save_as(study / "train" / "PHANTOM-0001.dcm")
    assert load(study).x[0].max() == 0


def test_another_pipeline_has_images_of_its_own(study):
    first = load(study).x[0]
    assert not np.array_equal(load(study, window=(0.0, 100.0)).x[0], first)
    assert load(study, size=14).x.shape == (56, 14, 14, 1)
    np.testing.assert_array_equal(load(study).x[0], first)


def test_an_interrupted_run_goes_on_where_it_was(study, monkeypatch):
    def interrupt(done, total):
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(study, on_progress=interrupt)
    called, call = [], Worker.call
    monkeypatch.setattr(Worker, "call", lambda self, *a, **k: called.append(a[0]) or call(self, *a, **k))
    complete = load(study)
    assert called.count(tasks.labelled_images) == 56 - 30
    monkeypatch.undo()
    np.testing.assert_array_equal(np.asarray(complete.x), load(study, cache=False).x)


def test_every_frame_of_a_file_is_kept(study):
    ds = pydicom.dcmread(study / "train" / "PHANTOM-0001.dcm")
    ds.NumberOfFrames, ds.PixelData = 3, ds.PixelData * 3
    ds.save_as(study / "train" / "PHANTOM-0001.dcm")
    for _ in range(2):
        c = load(study)
        assert (c.paths[:4], c.frames[:4].tolist()) == ([*["train/PHANTOM-0001.dcm"] * 3, c.paths[3]], [0, 1, 2, 0])
        np.testing.assert_array_equal(c.x[0], c.x[2])


def test_a_patient_in_two_splits_is_found_among_kept_images_too(study):
    rows = (study / "labels.csv").read_text().splitlines()
    bare = [",".join(row.split(",")[i] for i in (0, 1, 3)) for row in rows]
    (study / "labels.csv").write_text("\n".join(bare) + "\n")
    ds = pydicom.dcmread(study / "test" / "PHANTOM-0050.dcm")
    ds.PatientID = "PHANTOM-0001"
    ds.save_as(study / "test" / "PHANTOM-0050.dcm")
    for _ in range(2):
        with pytest.raises(CohortError, match=r"1 patient\(s\) in more than one split"):
            load(study)


def test_a_drawn_split_does_not_depend_on_the_key(study, monkeypatch, tmp_path):
    from convnet.data import pseudonyms

    rows = (study / "labels.csv").read_text().splitlines()
    (study / "labels.csv").write_text("\n".join(",".join(row.split(",")[:2]) for row in rows) + "\n")
    one = load(study, cache=False)
    (tmp_path / "key").write_bytes(b"another key, also 32 bytes long.")
    (tmp_path / "key").chmod(0o600)
    monkeypatch.setenv("FORMULA_CONVNET_KEY", str(tmp_path / "key"))
    pseudonyms.key.cache_clear()
    try:
        other = load(study, cache=False)
    finally:
        monkeypatch.undo()
        pseudonyms.key.cache_clear()
    assert one.splits == other.splits
    assert not set(one.patients) & set(other.patients)


def test_nothing_kept_names_a_patient_a_path_or_a_uid(study, tmp_path):
    uids = [pydicom.dcmread(p).SOPInstanceUID for p in sorted(study.rglob("*.dcm"))]
    load(study)
    files = [p for p in (tmp_path / "images").rglob("*") if p.is_file()]
    assert {p.suffix for p in files} >= {".npy", ".db"}
    for path in files:
        data = path.read_bytes() + os.fsencode(path.relative_to(tmp_path))
        for word in ("PHANTOM", str(study), "labels", *uids):
            assert word.encode() not in data


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_the_folder_is_the_users_alone_and_one_that_others_can_write_is_refused(study, tmp_path):
    load(study)
    (folder,) = (tmp_path / "images").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o777)
    with pytest.raises(ValueError, match="can be written by, another user"):
        load(study)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(counts=st.lists(st.integers(1, 5), min_size=1, max_size=8), data=st.data())
def test_images_are_indexed_like_an_array(tmp_path, counts, data):
    with store.Store(Path(tempfile.mkdtemp(dir=tmp_path)) / "s", 3) as keep:
        keep.rows = 4  # several files
        frames = [np.random.default_rng(n).random((n, 3, 3)).astype(np.float32) for n in counts]
        rows = [row for i, some in enumerate(frames) for row in keep.add(bytes([i]), some, {})]
        images, expected = keep.images(np.array(rows)), np.concatenate(frames)[..., None]
        assert keep.find(bytes([0])) == (range(counts[0]), {})
    n = len(expected)
    index = data.draw(
        st.one_of(
            st.integers(-n, n - 1),
            st.slices(n),
            st.lists(st.integers(-n, n - 1), max_size=6).map(lambda some: np.array(some, np.int64)),
            st.lists(st.booleans(), min_size=n, max_size=n).map(np.array),
            st.just((slice(None), ..., 0)),
            st.just((n - 1, ..., 0)),
        )
    )
    np.testing.assert_array_equal(images[index], expected[index], strict=True)
    np.testing.assert_array_equal(np.asarray(images), expected, strict=True)
    assert (len(images), images.shape, images.ndim) == (n, expected.shape, 4)
    if not isinstance(index, (int, tuple)):
        np.testing.assert_array_equal(images.select(index)[:], expected[index], strict=True)
    np.testing.assert_array_equal(list(images), expected)


def test_two_runs_that_keep_images_at_once_never_share_a_place(tmp_path):
    with store.Store(tmp_path / "s", 2) as one, store.Store(tmp_path / "s", 2) as two:
        places = [*one.add(b"a", np.zeros((3, 2, 2)), {}), *two.add(b"b", np.ones((2, 2, 2)), {})]
        places += [*one.add(b"c", np.full((1, 2, 2), 2.0), {})]
        assert len(set(places)) == 6
        one.commit()
        two.commit()
        assert two.find(b"c") is not None
        np.testing.assert_array_equal(one.images(np.array(places))[:, 0, 0, 0], [0, 0, 0, 1, 1, 2])


def test_memory_is_given_back_while_images_are_read(tmp_path):
    size, n = 64, 3000  # 49 MB
    with store.Store(tmp_path / "s", size) as keep:
        for i in range(0, n, 100):
            keep.add(bytes([i // 100]), np.full((100, size, size), i, np.float32), {})
        images = keep.images(np.arange(n))
    import convnet.data.cohort.store as module

    before = module.RESIDENT
    module.RESIDENT = 2**22
    try:
        resident = []
        for i in range(0, n, 50):
            assert images[i : i + 50].mean() == i // 100 * 100
            resident.append(sum(mapped(images)))
    finally:
        module.RESIDENT = before
    assert max(resident) < 2**25 < n * size * size * 4


def mapped(images):
    """Bytes of the .npy files that are in this process's memory."""
    try:
        lines = open("/proc/self/smaps").read().splitlines()  # noqa: SIM115
    except OSError:
        pytest.skip("only Linux tells")
    inside = False
    for line in lines:
        if "-" in line.split(" ", 1)[0]:
            inside = line.endswith(".npy")
        elif inside and line.startswith("Rss:"):
            yield int(line.split()[1]) * 1024


def test_a_size_is_needed_to_keep_images(study):
    with pytest.raises(ValueError, match="give a size, or cache=False"):
        load(study, size=None)


def test_the_limit_of_a_files_size_holds_with_kept_images_too(study):
    load(study)  # so that no worker, which has limits of its own, is asked again
    small = Limits(file=1000)
    for cache in (False, True):
        with pytest.raises(DicomError, match="the limit is 1000 bytes"):
            load(study, cache=cache, limits=small)
    before = limits.current()
    limits.apply(Limits(file=1000))  # this process's limit is not the run's
    try:
        assert len(load(study, limits=Limits()).y) == 56
    finally:
        limits.apply(before)


def index_of_other_things(folder):
    for name in ("index.db-wal", "index.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "index.db").write_bytes(b"nothing that SQLite knows" * 1000)


def pixels_cut_short(folder):
    (folder / "00000.npy").write_bytes(b"")


@pytest.mark.parametrize("spoil", [index_of_other_things, pixels_cut_short])
def test_kept_images_that_are_damaged_are_refused_with_what_to_do(study, tmp_path, spoil):
    load(study)
    (folder,) = (tmp_path / "images").iterdir()
    spoil(folder)
    with pytest.raises(CohortError, match=r"kept images cannot be used \(.*images, or use --no-cache"):
        np.asarray(load(study).x)
