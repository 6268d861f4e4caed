"""What the default kernels' machine code consists of, and what they did on the emulator: the figures that are kept."""

from itertools import product

import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from benchmarks.gpus import GPUS
from benchmarks.static_cases import CASES
from benchmarks.static_report import Codes, executed_share, key, least_wavefronts, planned
from kernels import registry
from kernels.cuda.bounds import BOUNDS
from kernels.emulator import machine_code
from kernels.emulator.machine_code import Loop

try:
    machine_code.tool("ptxas"), machine_code.tool("nvdisasm")
except RuntimeError as error:
    pytest.skip(str(error), allow_module_level=True)

KEPT = GPUS[:2]  # sm_80 and sm_90
NEWEST = GPUS[2]  # sm_100, for which NVIDIA's compiler is another: the products, which are all that it may spoil
# bytes of a thread in memory: the products by tensor cores, and one by hand, just do not fit into 128 registers
EDGE = 24
ON_TENSOR_CORES = [(f"conv2d {name}", "64 channels 3x3") for name in ("forward", "backward_weights")]
PRODUCTS = ("correlate", "weights", "convpool")
codes = Codes()


@pytest.fixture(scope="module")
def launched():
    """Every default kernel, by what it was compiled from, with the first pass that launched it."""
    found = _assembled((plan for plan in planned() if plan.variant == "cuda"), KEPT)
    codes.prepare((report.launch for _, report in found if report.launch.function.__name__ in PRODUCTS), (NEWEST,))
    return found


@pytest.fixture(scope="module")
def on_tensor_cores():
    """The kernels that multiply by tensor cores."""
    chosen = (plan for plan in planned() if plan.variant in BOUNDS and (plan.label, plan.case) in ON_TENSOR_CORES)
    return _assembled(chosen, (*KEPT, NEWEST))


def _assembled(plans, gpus):
    found = {}
    for p in (plan.run(extrapolate=False) for plan in plans):
        for report in p.reports:
            found.setdefault(key(report.launch), (p, report))
    codes.prepare((report.launch for _, report in found.values()), gpus)
    return list(found.values())


def test_every_operation_with_a_cuda_variant_is_in_the_report():
    assert set(CASES) == {op for op in registry.OPERATIONS if registry.variants(op, "cuda")}


@pytest.mark.parametrize("gpu", KEPT, ids=lambda g: g.name)
def test_no_default_kernel_spills_or_touches_local_memory(gpu, launched):
    assert len(launched) > 30
    for p, report in launched:
        code = codes.of(report.launch, gpu)
        assert (code.spilled, code.stack, code.local) == (0, 0, 0), f"{report.kernel} of {p.label}, {p.case}"


def test_the_newest_gpus_products_lie_in_registers(launched):
    checked = [(p, report) for p, report in launched if report.launch.function.__name__ in PRODUCTS]
    assert {p.label for p, _ in checked} >= {"conv2d forward", "conv2d backward_weights", "convpool forward"}
    for p, report in checked:
        alone = p.label == "conv2d backward_weights" and p.case == "grey 3x3"
        assert codes.of(report.launch, NEWEST).stack <= (EDGE if alone else 0), f"{p.label}, {p.case}"


@pytest.mark.parametrize("gpu", [*KEPT, NEWEST], ids=lambda g: g.name)
def test_the_sums_of_tensor_cores_lie_in_registers(gpu, on_tensor_cores):
    """64 sums a thread; an index that is no constant would put them all into memory."""
    checked = [(p, r) for p, r in on_tensor_cores if r.launch.function.__name__ in PRODUCTS]
    assert {(p.label, p.variant) for p, _ in checked} == set(product([label for label, _ in ON_TENSOR_CORES], BOUNDS))
    for p, report in checked:
        code = codes.of(report.launch, gpu)
        assert code.registers > 100
        assert code.stack <= EDGE, f"{report.kernel} of {p.label}, {p.variant}: {code.stack} bytes"


def products(launched):
    """The launches of register tiles whose channels come in fours."""
    found = [(p, r) for p, r in launched if r.launch.function.__name__ in PRODUCTS and "grey" not in p.case]
    assert {p.label for p, _ in found} >= {"conv2d forward", "conv2d backward_weights", "convpool forward"}
    return found


@pytest.mark.parametrize("gpu", KEPT, ids=lambda g: g.name)
def test_of_the_hot_loops_instructions_85_in_100_are_multiply_adds(gpu, launched):
    for p, report in products(launched):
        hot = codes.of(report.launch, gpu).hot
        assert hot.kinds["FFMA"] >= 1024
        assert hot.share("FFMA") >= 0.85, f"{p.label}, {p.case}: {hot.share('FFMA'):.3f}"


def test_and_of_those_that_ran_in_it(launched):
    for p, report in products(launched):
        assert executed_share(report) >= 0.85, f"{p.label}, {p.case}: {executed_share(report):.3f}"


def test_shared_memory_takes_at_most_a_tenth_more_wavefronts_than_needed(launched):
    for p, report in products(launched):
        assert report.wavefronts <= 1.1 * least_wavefronts(report), f"{p.label}, {p.case}"


def test_nine_tenths_of_every_sector_are_asked_for_by_64_channels(launched):
    chosen = [(p, r) for p, r in launched if p.case == "64 channels 3x3"]
    assert chosen
    for p, report in chosen:
        assert report.efficiency >= 0.9, f"{report.kernel} of {p.label}: {report.efficiency:.2f}"


@pytest.mark.parametrize("gpu", KEPT, ids=lambda g: g.name)
def test_the_register_tiles_leave_room_for_16_warps(gpu, launched):
    """Four for each quarter of a multiprocessor: a thread's 64 independent sums alone hide a multiply-add's latency."""
    from benchmarks.static_report import resident

    for p, report in products(launched):
        assert resident(report.launch, codes.of(report.launch, gpu), gpu).warps >= 16, f"{p.label}, {p.case}"


LISTING = """
        /*0000*/                   MOV R1, c[0x0][0x28] ;
.L_x_2:
        /*0010*/                   LDS.128 R4, [R2] ;
.L_x_1:
        /*0020*/                   FFMA R0, R1, R2, R3 ;
        /*0030*/              @!PT LDS RZ, [RZ] ;
        /*0040*/                   LDG.E.64 R8, desc[UR4][R6.64] ;
        /*0050*/               @P0 BRA `(.L_x_1) ;
        /*0060*/              @!P1 BRA `(.L_x_2) ;
        /*0070*/                   STL [R1+0x4], R5 ;
        /*0080*/                   EXIT ;
.L_x_3:
        /*0090*/                   BRA `(.L_x_3);
"""


def test_a_listing_is_read_into_its_innermost_loops():
    whole, loops = machine_code.read(LISTING)
    assert whole.instructions == 9
    assert whole.kinds["STL"] == 1
    assert loops == [Loop(3, loops[0].kinds)]
    assert loops[0].kinds == {"FFMA": 1, "LDG.64": 1, "BRA": 1}
    assert loops[0].share("FFMA") == pytest.approx(1 / 3)


def test_what_spills_is_seen(launched):
    """The register tile, held to half the registers that it needs."""
    from kernels.emulator import compile as compiler

    launch = next(r.launch for p, r in products(launched) if p.label == "conv2d forward")
    options = {"launch_bounds": (launch.block[0], 1024 // launch.block[0])}
    held = machine_code.assemble(compiler.to_ptx(launch.function, launch.types, (8, 0), **options), (8, 0))
    assert held.registers <= 64
    assert held.spilled > 0
    assert held.local > 0
