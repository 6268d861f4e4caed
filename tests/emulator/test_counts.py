"""The report's figures, on kernels whose costs are known by hand."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda, float32, float64, int32, int64

from kernels.cuda import copies as asynchronous
from kernels.emulator import run
from kernels.emulator.occupancy import occupancy


def strided(x, y, step):
    i = cuda.grid(1)
    y[i] = x[i * step]


@pytest.mark.parametrize(("step", "sectors"), [(1, 4), (2, 8), (8, 32), (16, 32)])
def test_sectors_of_a_strided_read(step, sectors):
    x, y = np.zeros(64 * 16, np.float32), np.zeros(64, np.float32)
    r = run(strided, 2, 32, (x, y, step))
    # two warps, each reads with its stride and writes 4 sectors in a row
    assert r.requests == 4
    assert r.sectors == 2 * (sectors + 4)
    assert r.bytes == 4 * 64 * 2
    assert r.efficiency == pytest.approx(r.bytes / (32 * r.sectors))


def broadcast(x, y):
    y[cuda.grid(1)] = x[0]


def test_one_address_for_all_is_one_sector():
    r = run(broadcast, 1, 32, (np.ones(1, np.float32), np.zeros(32, np.float32)))
    assert r.sectors == 1 + 4


def banks(y, step):
    s = cuda.shared.array(1024, float32)
    i = cuda.threadIdx.x
    s[(i * step) % 1024] = float32(i)
    cuda.syncthreads()
    y[i] = s[(i * step) % 1024]


@pytest.mark.parametrize(("step", "ways"), [(1, 1), (2, 2), (3, 1), (4, 4), (16, 16), (31, 1), (32, 32)])
def test_bank_conflicts_are_the_stride_s_common_divisor_with_32(step, ways):
    r = run(banks, 1, 32, (np.zeros(32, np.float32), step))
    assert r.shared_requests == 2
    assert r.wavefronts == 2 * ways
    assert r.conflicts == 2 * (ways - 1)


def one_word(y):
    s = cuda.shared.array(32, float32)
    i = cuda.threadIdx.x
    s[i] = float32(i)
    cuda.syncthreads()
    y[i] = s[5]


def test_one_word_for_all_is_no_conflict():
    assert run(one_word, 1, 32, (np.zeros(32, np.float32),)).conflicts == 0


def wide_banks(y):
    s = cuda.shared.array(32, float64)
    i = cuda.threadIdx.x
    s[i] = float64(i)
    cuda.syncthreads()
    y[i] = s[i]


def test_8_bytes_a_thread_take_two_wavefronts_and_no_conflict():
    r = run(wide_banks, 1, 32, (np.zeros(32),))
    assert (r.wavefronts, r.conflicts) == (4, 0)


def splits(x):
    i = cuda.threadIdx.x
    if i % 2 == 0:
        for _ in range(3):
            x[i] = x[i] * float32(2) + float32(1)
    else:
        for k in range(5):
            x[i] = x[i] / float32(3) + float32(k)


def whole(x):
    i = cuda.threadIdx.x
    if i < 32:
        for _ in range(3):
            x[i] = x[i] * float32(2) + float32(1)
    else:
        for k in range(5):
            x[i] = x[i] / float32(3) + float32(k)


def test_branches_that_split_a_warp():
    one, none = (run(k, 1, 64, (np.ones(64, np.float32),)) for k in (splits, whole))
    assert one.split_branches >= 2
    assert one.active < 0.9
    assert none.split_branches == 0
    assert none.active == 1.0


def test_instructions_are_counted_by_kind_and_by_line():
    r = run(banks, 1, 64, (np.zeros(64, np.float32), 1))
    assert r.kinds["st.shared.f32"] == r.kinds["ld.shared.f32"] == 2  # two warps
    assert r.kinds.total() == r.instructions == sum(line.instructions for line in r.lines.values())
    assert sum(line.wavefronts for line in r.lines.values()) == r.wavefronts == 4
    assert sum(line.sectors for line in r.lines.values()) == r.sectors == 8
    assert "bank conflicts" in str(r)
    assert "occupancy" in str(r)


_, copy4, commit, wait = asynchronous.copies(asynchronous=True)


def copies(x, y, step):
    s = cuda.shared.array(128, float32, alignment=16)
    i = cuda.threadIdx.x
    to, n = int32(4 * i), x.size // 4
    copy4(s, to, x, asynchronous.address(x, int64(4 * step * i)), step * i < n)
    commit()
    wait()
    cuda.syncthreads()
    y[i] = s[i]


@pytest.mark.parametrize(("step", "sectors"), [(1, 16), (2, 32), (8, 8)])
def test_asynchronous_copies_are_counted_where_they_read_and_where_they_write(step, sectors):
    x, y = np.arange(4 * 64, dtype=np.float32), np.zeros(32, np.float32)
    r = run(copies, 1, 32, (x, y, step))
    # from the 64th four on nothing is read, and zeros are written
    fours = np.where(np.arange(8) * step < 64, np.arange(8) * step, -1)
    expected = np.where(fours[:, None] >= 0, 4 * fours[:, None] + np.arange(4), 0)
    np.testing.assert_array_equal(y, expected.reshape(-1))
    read = min(32, 64 // step)
    assert r.bytes == 16 * read + 128
    assert r.sectors == sectors + 4
    # a quarter of the warp writes all banks at once, four times; reading takes one more
    assert (r.wavefronts, r.conflicts) == (5, 0)


def nested(x, n):
    v = x[0]
    for i in range(n):
        v = v / float32(3)
        for k in range(i, n):
            v = v * x[k] + x[i]
    x[0] = v


def test_the_hot_loop_is_the_innermost_that_issues_most():
    r = run(nested, 1, 1, (np.ones(32, np.float32), 10))
    assert r.hot["div.rn.f32"] == 0
    assert r.kinds["div.rn.f32"] == 10
    assert r.hot["fma.rn.f32"] > r.kinds["fma.rn.f32"] / 2  # the rest is in the remainder of an unrolled loop
    assert r.hot.total() < r.instructions


# (compute capability, threads, registers, shared bytes) -> blocks; NVIDIA's occupancy calculator
@pytest.mark.parametrize(
    ("cc", "threads", "registers", "shared", "blocks", "limit"),
    [
        ((8, 0), 256, 32, 0, 8, "warps"),
        ((8, 0), 256, 128, 0, 2, "registers"),
        ((8, 0), 256, 64, 0, 4, "registers"),
        ((8, 0), 256, 32, 48 * 1024, 3, "shared memory"),
        ((8, 0), 32, 16, 0, 32, "blocks"),
        ((7, 5), 1024, 32, 0, 1, "warps"),
        ((9, 0), 256, 255, 0, 1, "registers"),
    ],
)
def test_occupancy(cc, threads, registers, shared, blocks, limit):
    got = occupancy(cc, threads, registers, shared)
    assert (got.blocks, got.limit) == (blocks, limit)
    assert got.warps == blocks * -(-threads // 32)
