"""mma.sync and ldmatrix: which thread holds what, how a sum may be rounded, and what a warp must not do."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator import KernelFault
from kernels.emulator.arguments import Buffer
from kernels.emulator.launch import execute
from kernels.emulator.lowering import lower
from kernels.emulator.parse import parse

FIRST = (3 << 32) + (1 << 31)  # the address of the first buffer; the next is 1 << 32 further
U = 2.0**-24
LANES = np.arange(32)
GROUP, PLACE = LANES // 4, LANES % 4  # PTX's groupID and threadID_in_group

HEAD = """
.version 8.0
.target sm_80
.address_size 64
.file 1 "kernel.py"
.visible .entry kernel(.param .u64 kernel_param_0, .param .u64 kernel_param_1)
{
    .reg .pred %p<4>; .reg .b32 %r<30>; .reg .b64 %d<10>; .reg .f32 %f<10>;
    .shared .align 16 .b8 memory[1024];
    .loc 1 1 0
    mov.u32 %r0, %tid.x;
    ld.param.u64 %d1, [kernel_param_0];
    ld.param.u64 %d2, [kernel_param_1];
    mul.wide.u32 %d3, %r0, 64;
    add.u64 %d1, %d1, %d3;
    mul.wide.u32 %d3, %r0, 16;
    add.u64 %d2, %d2, %d3;
    setp.lt.u32 %p1, %r0, 16;
"""
LOAD_ALL = "\n".join(f"    ld.global.u32 %r{10 + i}, [%d1+{4 * i}];" for i in range(6)) + "\n".join(
    f"    ld.global.f32 %f{i}, [%d1+{24 + 4 * i}];" for i in range(4)
)
STORE_F = "\n".join(f"    st.global.f32 [%d2+{4 * i}], %f{4 + i};" for i in range(4))
MMA = "mma.sync.aligned.{} {{%f4,%f5,%f6,%f7}}, {{%r10,%r11,%r12,%r13}}, {{%r14,%r15}}, {{%f0,%f1,%f2,%f3}};"
SHAPES = {"tf32": "m16n8k8.row.col.f32.tf32.tf32.f32", "bf16": "m16n8k16.row.col.f32.bf16.bf16.f32"}


def launch(body: str, words: np.ndarray, threads: int = 32) -> np.ndarray:
    """Run one block; each thread has 16 words of input and leaves four."""
    program = lower(parse(f"{HEAD}{body}\n    ret;\n}}"))
    out = np.zeros((threads, 4), np.uint32)
    given = np.zeros((threads, 16), np.uint32)
    given[:, : words.shape[1]] = words[:threads]
    buffers = [
        Buffer("given", np.frombuffer(given.tobytes(), np.uint8), 4, False, None),
        Buffer("out", np.zeros(out.nbytes, np.uint8), 4, True, out),
    ]
    execute(program, "kernel", (1, 1, 1), (threads, 1, 1), buffers, [FIRST, FIRST + (1 << 32)])
    return out


def product(kind: str, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """A b + c by the instruction: a (16, k), b (k, 8), c (16, 8), float32 that the kind can hold."""
    given = np.concatenate([*spread(kind, a, b), c[held(c)].view(np.uint32)], axis=1)
    made = launch(f"{LOAD_ALL}\n    {MMA.format(SHAPES[kind])}\n{STORE_F}", given)
    d = np.zeros((16, 8), np.float32)
    d[held(d)] = made.view(np.float32)
    return d


def held(c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of c0..c3 for each lane: PTX ISA, fragments of the accumulator."""
    i = np.arange(4)
    return GROUP[:, None] + 8 * (i >= 2), 2 * PLACE[:, None] + (i & 1)


def spread(kind: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The words of a and of b that each lane holds, by the formulas of the PTX ISA."""
    a, b = np.ascontiguousarray(a, np.float32).view(np.uint32), np.ascontiguousarray(b, np.float32).view(np.uint32)
    g, t = GROUP[:, None], PLACE[:, None]
    if kind == "tf32":
        i = np.arange(4)
        return a[g + 8 * (i % 2), t + 4 * (i >= 2)], b[t + 4 * np.arange(2), g]
    i, j = np.arange(8), np.arange(4)
    of_a = a[g + 8 * ((i // 2) % 2), 2 * t + (i & 1) + 8 * (i >= 4)] >> np.uint32(16)
    of_b = b[2 * t + (j & 1) + 8 * (j >= 2), g] >> np.uint32(16)
    return tuple(x[:, ::2] | (x[:, 1::2] << np.uint32(16)) for x in (of_a, of_b))


@pytest.mark.parametrize("kind", SHAPES)
def test_a_product_of_small_integers_is_numpys(kind):
    rng, steps = np.random.default_rng(0), 8 if kind == "tf32" else 16
    a, b, c = (rng.integers(-9, 10, s).astype(np.float32) for s in ((16, steps), (steps, 8), (16, 8)))
    np.testing.assert_array_equal(product(kind, a, b, c), a @ b + c)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_sum_is_cut_off_where_ptx_leaves_its_rounding_open(kind):
    """Beside 2**24, whose last place as a float32 is 2, a product of 1 is nothing, and one of 3 is 2."""
    steps = 8 if kind == "tf32" else 16
    a, b, c = np.zeros((16, steps), np.float32), np.ones((steps, 8), np.float32), np.full((16, 8), 2.0**24, np.float32)
    a[0], a[1] = 1, 3
    a[2, 0] = 1
    c[2] = -(2.0**24)
    d = product(kind, a, b, c)
    assert (d[0] == 2.0**24).all()
    assert (d[1] == 2.0**24 + 2 * steps).all()
    assert (d[2] == -(2.0**24)).all()


@pytest.mark.parametrize("kind", SHAPES)
def test_no_sum_is_further_off_than_the_proof_of_the_bounds_says(kind):
    rng, steps = np.random.default_rng(1), 8 if kind == "tf32" else 16
    a, b = (rng.integers(-99, 100, s) * 2.0 ** rng.integers(-20, 20, s) for s in ((16, steps), (steps, 8)))
    c = rng.standard_normal((16, 8)).astype(np.float32)
    exact, magnitude = a @ b + c.astype(float), abs(a) @ abs(b) + abs(c)
    error = abs(product(kind, a.astype(np.float32), b.astype(np.float32), c) - exact) / magnitude
    assert 0 < error.max() <= (steps + 2 * 2) * 2 * U


def test_infinity_and_nan_come_out():
    a, b, c = (np.ones(s, np.float32) for s in ((16, 8), (8, 8), (16, 8)))
    a[0, 3], a[1, 0], c[2, 1] = np.inf, np.nan, -np.inf
    d = product("tf32", a, b, c)
    assert (d[0] == np.inf).all()
    assert np.isnan(d[1]).all()
    assert d[2, 1] == -np.inf
    assert d[2, 0] == 9


def test_of_a_float32_tf32_takes_the_upper_19_bits():
    a, b, c = (np.zeros(s, np.float32) for s in ((16, 8), (8, 8), (16, 8)))
    a[0, 0], b[0] = 1 + 2.0**-10 + 2.0**-11, 1
    assert (product("tf32", a, b, c)[0] == 1 + 2.0**-10).all()


def rounded(v: np.ndarray, bits: int, away: bool) -> np.ndarray:
    """The nearest number of so many bits, by float64."""
    place = 2.0 ** (np.floor(np.log2(np.abs(v))) - bits + 1)
    whole = np.abs(v.astype(float)) / place
    return np.sign(v) * (np.floor(whole + 0.5) if away else np.rint(whole)) * place


def test_conversions_round_to_the_nearest():
    rng = np.random.default_rng(2)
    v = (rng.integers(1, 2**24, (32, 2)) * 2.0 ** rng.integers(-60, 60, (32, 2))).astype(np.float32)
    v[0] = 1 + 2.0**-11, -(1 + 2.0**-11)  # halves of TF32's last place
    v[1] = 1 + 2.0**-8, 1 + 3 * 2.0**-8  # and of bfloat16's
    body = """
    ld.global.f32 %f0, [%d1]; ld.global.f32 %f1, [%d1+4];
    cvt.rna.tf32.f32 %r1, %f0; cvt.rna.tf32.f32 %r2, %f1; cvt.rn.bf16x2.f32 %r3, %f0, %f1;
    st.global.u32 [%d2], %r1; st.global.u32 [%d2+4], %r2; st.global.u32 [%d2+8], %r3;"""
    made = launch(body, v.view(np.uint32))
    np.testing.assert_array_equal(np.ascontiguousarray(made[:, :2]).view(np.float32), rounded(v, 11, True))
    high, low = made[:, 2] & np.uint32(0xFFFF0000), made[:, 2] << np.uint32(16)
    np.testing.assert_array_equal(np.stack([high, low], 1).view(np.float32), rounded(v, 8, False))
    special = np.array([[np.inf, -np.inf], [np.nan, np.float32(3.4e38)]], np.float32)
    made = launch(body, np.resize(special, (32, 2)).view(np.uint32))
    assert made[0, :2].view(np.float32).tolist() == [np.inf, -np.inf]
    assert np.isnan(made[1, 0:1].view(np.float32)[0])
    assert made[1, 1:2].view(np.float32)[0] == rounded(special[1, 1:], 11, True)[0]
    assert made[0, 2] == 0x7F80FF80


FILL = """
    ld.global.u32 %r10, [%d1]; ld.global.u32 %r11, [%d1+4]; ld.global.u32 %r12, [%d1+8]; ld.global.u32 %r13, [%d1+12];
    mov.u32 %r1, memory;
    shl.b32 %r2, %r0, 4;
    add.u32 %r1, %r1, %r2;
    st.shared.v4.u32 [%r1], {%r10,%r11,%r12,%r13};
"""
STORE_R = "\n".join(f"    st.global.u32 [%d2+{4 * i}], %r{20 + i};" for i in range(4))


def matrices(count: int, how: str = "") -> str:
    names = ",".join(f"%r{20 + i}" for i in range(count))
    rest = "\n".join(f"    mov.u32 %r{20 + i}, 0;" for i in range(count, 4))
    return f"    ldmatrix.sync.aligned.m8n8.x{count}{how}.shared.b16 {{{names}}}, [%r1];\n{rest}\n"


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("how", ["", ".trans"])
def test_ldmatrix_gives_each_lane_two_neighbours_of_each_matrix(count, how):
    numbers = np.random.default_rng(3).integers(0, 2**32, (32, 4), np.uint32)  # a row of 16 bytes a lane
    made = launch(f"{FILL}    bar.sync 0;\n{matrices(count, how)}{STORE_R}", numbers)
    for i in range(count):
        matrix = numbers.view(np.uint16)[8 * i : 8 * i + 8]
        matrix = matrix.T if how else matrix
        pairs = np.ascontiguousarray(matrix[GROUP[:, None], 2 * PLACE[:, None] + np.arange(2)])
        np.testing.assert_array_equal(made[:, i], pairs.view(np.uint32)[:, 0])


NUMBERS = np.ones((64, 4), np.uint32)


@pytest.mark.parametrize(
    ("kind", "body", "threads"),
    [
        ("divergent-warp-operation", f"{LOAD_ALL}\n    {MMA.format(SHAPES['tf32'])}\n{STORE_F}", 16),
        ("divergent-warp-operation", f"{LOAD_ALL}\n    @%p1 {MMA.format(SHAPES['tf32'])}\n", 32),
        ("divergent-warp-operation", f"{FILL}    @%p1 ret;\n{matrices(4)}", 32),
        ("uninitialised-shared", f"    mov.u32 %r1, memory;\n{matrices(1)}", 32),
        ("misaligned", f"{FILL}    add.u32 %r1, %r1, 8;\n    bar.sync 0;\n{matrices(1)}", 64),
        ("out-of-bounds", f"{FILL}    add.u32 %r1, %r1, 1024;\n    bar.sync 0;\n{matrices(1)}", 64),
        ("race", f"{FILL}    bar.sync 0;\n    st.shared.u32 [%r1], 0;\n    xor.b32 %r1, %r1, 512;\n{matrices(4)}", 64),
        (
            "race",
            f"{FILL}    bar.sync 0;\n{matrices(4)}    xor.b32 %r1, %r1, 512;\n    st.shared.u32 [%r1], %r0;\n",
            64,
        ),
        (
            "pending-copy",
            f"{FILL}    bar.sync 0;\n    cp.async.ca.shared.global [%r1], [%d1], 16;\n"
            f"    cp.async.commit_group;\n{matrices(4)}    cp.async.wait_group 0;\n",
            32,
        ),
    ],
)
def test_what_a_warp_must_not_do_is_a_fault(kind, body, threads):
    with pytest.raises(KernelFault) as caught:
        launch(body, NUMBERS, threads)
    assert caught.value.kind == kind


def test_a_copy_that_was_waited_for_is_what_ldmatrix_loads():
    numbers = np.random.default_rng(4).integers(0, 2**32, (32, 8), np.uint32)
    body = f"""{FILL}    bar.sync 0;
    add.u64 %d1, %d1, 16;
    cp.async.ca.shared.global [%r1], [%d1], 16;
    cp.async.commit_group;
    cp.async.wait_group 0;
    bar.sync 0;
{matrices(4)}{STORE_R}"""
    made = launch(body, numbers)
    rows = np.ascontiguousarray(numbers[:, 4:])
    for i in range(4):
        np.testing.assert_array_equal(made[:, i], rows[8 * i + GROUP, PLACE])
