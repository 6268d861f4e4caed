"""Which PTX instructions the emulator executes, and which it refuses by name: each is tried.

python -m kernels.emulator.instructions > docs/reference/ptx.md
"""

from __future__ import annotations

from collections.abc import Iterator

from kernels.emulator import launch  # noqa: F401  (enters the rules)
from kernels.emulator.lowering import lower
from kernels.emulator.parse import parse
from kernels.emulator.program import Unsupported

# section of the PTX ISA -> instructions as they are written. A letter is a register: r and d of 32 and 64 bits, h of
# 16, f and g float32 and float64, p a predicate; G is an address in global memory, S in shared memory
SECTIONS = {
    "Integer arithmetic": """
        add.s32 r r r; add.u64 d d d; add.s16 h h h; add.sat.s32 r r r; sub.s32 r r r; mul.lo.s32 r r r;
        mul.hi.u64 d d d; mul.wide.s32 d r r; mad.lo.s32 r r r r; mad.wide.u32 d r r d; mad.hi.sat.s32 r r r r;
        mul24.lo.s32 r r r; mad24.lo.s32 r r r r; sad.s32 r r r r; div.s32 r r r; rem.u64 d d d; abs.s32 r r;
        neg.s32 r r; min.s32 r r r; max.u64 d d d; min.u16x2 r r r; min.relu.s32 r r r; popc.b32 r r; clz.b64 r d;
        bfind.u32 r r; bfind.shiftamt.s64 r d; fns.b32 r r r r; brev.b32 r r; bfe.s32 r r r r; bfi.b64 d d d r r;
        szext.wrap.s32 r r r; bmsk.clamp.b32 r r r; dp4a.s32.s32 r r r r; dp2a.lo.s32.s32 r r r r""",
    "Extended-precision integer arithmetic": """
        add.cc.u32 r r r; addc.u32 r r r; sub.cc.u64 d d d; subc.u64 d d d; mad.lo.cc.u32 r r r r;
        madc.hi.u32 r r r r""",
    "Floating-point arithmetic": """
        testp.finite.f32 p f; testp.normal.f32 p f; copysign.f32 f f f; add.f32 f f f; add.rz.f32 f f f;
        add.f64 g g g; add.rz.f64 g g g; sub.ftz.f32 f f f; mul.f64 g g g; fma.rn.f32 f f f f; fma.rm.ftz.f32 f f f f;
        fma.rn.f64 g g g g; mad.rn.f32 f f f f; div.rn.f32 f f f; div.approx.f32 f f f; div.full.f32 f f f;
        abs.f64 g g; neg.f32 f f; min.f32 f f f; min.NaN.f32 f f f; max.f64 g g g; min.xorsign.abs.f32 f f f;
        rcp.rn.f64 g g; rcp.approx.f32 f f; sqrt.rn.f32 f f; sqrt.approx.f32 f f; rsqrt.approx.f32 f f;
        rsqrt.approx.f64 g g; sin.approx.f32 f f; cos.approx.f32 f f; lg2.approx.f32 f f; ex2.approx.ftz.f32 f f;
        tanh.approx.f32 f f""",
    "Half-precision arithmetic": """
        add.f16 h h h; add.f16x2 r r r; sub.rn.f16 h h h; mul.f16 h h h; fma.rn.f16 h h h h; fma.rn.f16x2 r r r r;
        fma.rn.relu.f16 h h h h; neg.f16 h h; abs.f16x2 r r; min.f16 h h h; max.NaN.f16 h h h; add.ftz.f16 h h h;
        tanh.approx.f16 h h; ex2.approx.f16 h h; add.bf16 h h h; mul.bf16x2 r r r; fma.rn.bf16 h h h h;
        min.NaN.bf16 h h h; neg.bf16 h h; max.f16x2 r r r; set.eq.f16x2.f16x2 r r r""",
    "Comparison and selection": """
        setp.lt.s32 p r r; setp.eq.f32 p f f; setp.geu.f64 p g g; setp.gt.and.s32 p r r p; setp.lt.s32 p|p r r;
        setp.lt.f16 p h h; setp.lt.bf16 p h h; set.lt.u32.s32 r r r; selp.b32 r r r p; selp.f64 g g g p;
        slct.s32.s32 r r r r""",
    "Logic and shifts": """
        and.b32 r r r; or.pred p p p; xor.b64 d d d; not.b32 r r; cnot.b32 r r; lop3.b32 r r r r 0x80;
        shf.l.wrap.b32 r r r r; shl.b64 d d r; shr.s32 r r r""",
    "Data movement and conversion": """
        mov.u32 r r; mov.b64 d {r,r}; mov.b64 {r,r} d; mov.b32 r {h,h}; shfl.sync.down.b32 r r r r r;
        shfl.down.b32 r r r r; prmt.b32 r r r r; prmt.b32.f4e r r r r; ld.global.f32 f G;
        ld.global.nc.v4.f32 {f,f,f,f} G; ld.volatile.global.u32 r G; ld.acquire.gpu.global.u32 r G;
        ldu.global.f32 f G; st.global.v2.f64 G {g,g}; st.release.gpu.global.u32 G r;
        st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b32 S r S; multimem.ld_reduce.global.add.f32 f G;
        prefetch.global.L2 G; applypriority.global.L2::evict_normal G 128; discard.global.L2 G 128;
        createpolicy.fractional.L2::evict_last.b64 d 0f3F800000; isspacep.shared p d; cvta.to.shared.u64 d d;
        cvt.s64.s32 d r; cvt.rn.f32.s32 f r; cvt.rm.f32.s64 f d; cvt.rzi.s32.f32 r f;
        cvt.rn.f32.f64 f g; cvt.rni.f32.f32 f f;
        cvt.sat.u8.s32 h r; cvt.rn.f16.f32 h f; cvt.f32.f16 f h; cvt.rn.bf16.f32 h f; cvt.rz.bf16.f32 h f;
        cvt.rn.f16.s64 h d; cvt.rzi.s32.f16 r h; cvt.rn.bf16x2.f32 r f f;
        cvt.rn.f16x2.f32 r f f; cvt.rna.tf32.f32 r f; cvt.rn.satfinite.e4m3x2.f32 h f f; cvt.pack.sat.s16.s32 r r r;
        mapa.u64 d d r; getctarank.u64 r d""",
    "Asynchronous copies": """
        cp.async.ca.shared.global S G 4; cp.async.cg.shared.global S G 16 r; cp.async.commit_group;
        cp.async.wait_group 0; cp.async.wait_all; cp.async.mbarrier.arrive.shared.b64 S;
        cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 G S r;
        cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes S G r S""",
    "Textures and surfaces": """
        tex.1d.v4.f32.s32 {f,f,f,f} G; tld4.r.2d.v4.f32.f32 {f,f,f,f} G; txq.width.b32 r G; istypep.texref p d;
        suld.b.1d.b32.trap r G; sust.b.1d.b32.trap G r; suq.width.b32 r G""",
    "Control flow": """
        bra END; bra.uni END; brx.idx r LIST; ret; exit""",
    "Synchronisation and communication": """
        bar.sync 0; bar.sync 1; bar.arrive 1 64; bar.red.popc.u32 r 0 p; bar.red.and.pred p 0 p; barrier.sync 0;
        bar.warp.sync r; barrier.cluster.arrive; membar.gl; fence.acq_rel.gpu; atom.global.add.u32 r G r;
        atom.global.add.f32 f G f; atom.global.add.f64 g G g; atom.global.add.noftz.f16 h G h;
        atom.global.add.noftz.f16x2 r G r; atom.global.add.noftz.bf16 h G h; atom.global.add.v2.f32 {f,f} G {f,f};
        atom.global.min.s64 d G d; atom.shared.cas.b32 r S r r; atom.global.cas.b16 h G h h;
        atom.global.exch.b64 d G d; atom.global.inc.u32 r G r; atom.global.cas.b128 d G d d; red.global.add.u32 G r;
        red.async.relaxed.cluster.shared::cluster.add.u32 S r S; vote.sync.ballot.b32 r p r; vote.ballot.b32 r p;
        match.any.sync.b32 r r r; match.all.sync.b64 r|p d r; activemask.b32 r; redux.sync.add.s32 r r r;
        redux.sync.min.NaN.f32 f f r;
        griddepcontrol.wait; elect.sync r|p r; mbarrier.init.shared.b64 S r""",
    "Matrices of a warp": """
        mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {f,f,f,f} {r,r,r,r} {r,r} {f,f,f,f};
        mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {f,f,f,f} {r,r,r,r} {r,r} {f,f,f,f};
        mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {r,r} {r,r,r,r} {r,r} {r,r};
        ldmatrix.sync.aligned.m8n8.x4.shared.b16 {r,r,r,r} S; movmatrix.sync.aligned.m8n8.trans.b16 r r;
        wmma.mma.sync.aligned.row.col.m16n16k16.f32.f32 {f} {r} {r} {f}; wgmma.fence.sync.aligned;
        tcgen05.fence::before_thread_sync""",
    "Stack, video and the rest": """
        stacksave.u64 d; stackrestore.u64 d; alloca.u64 d d; vadd.s32.s32.s32 r r r; vadd4.s32.s32.s32 r r r r; brkpt;
        nanosleep.u32 r; pmevent 1; trap; setmaxnreg.inc.sync.aligned.u32 240; mov.u32 r %clock;
        mov.u64 d %globaltimer; mov.u32 r %smid; mov.u32 r %laneid; mov.u32 r %warpid""",
}  # fmt: skip

_KERNEL = """
.version 9.0
.target sm_90
.address_size 64
.visible .entry kernel(.param .u64 kernel_param_0)
{
    .reg .pred %p<20>; .reg .b16 %h<20>; .reg .b32 %r<20>; .reg .b64 %d<20>; .reg .f32 %f<20>; .reg .f64 %g<20>;
    .shared .align 16 .b8 memory[1024];
    ld.param.u64 %d1, [kernel_param_0];
    LIST: .branchtargets END;
    BODY;
END:
    ret;
}
"""


def written() -> Iterator[tuple[str, str, str]]:
    """Yield (section, the instruction's name, with a special register that it reads, PTX) of every instruction."""
    for section, text in SECTIONS.items():
        for line in text.split(";"):
            opcode, *operands = line.split()
            special = [o for o in operands if o[0] == "%"]
            yield section, " ".join([opcode, *special]), f"{opcode} {', '.join(map(_operand, operands, range(2, 99)))}"


def _operand(letter: str, number: int) -> str:
    if letter == "G":
        return "[%d1]"
    if letter == "S":
        return "[memory]"
    if letter[0] == "{":
        inside = letter.strip("{}").split(",")
        return "{" + ", ".join(_operand(x, number + i) for i, x in enumerate(inside)) + "}"
    if "|" in letter:
        return "|".join(_operand(x, number + 5 * i) for i, x in enumerate(letter.split("|")))
    return f"%{letter}{number}" if letter in ("r", "d", "h", "f", "g", "p") else letter


def kernel(ptx: str) -> str:
    """Return a kernel of one instruction."""
    return _KERNEL.replace("BODY", ptx)


def is_executed(ptx: str) -> bool:
    """Return True if the emulator executes an instruction, False if it refuses it by name."""
    try:
        lower(parse(kernel(ptx)))
    except Unsupported:
        return False
    return True


def table() -> str:
    """Return the page."""
    rows: dict[str, dict[bool, list[str]]] = {}
    for section, opcode, ptx in written():
        rows.setdefault(section, {True: [], False: []})[is_executed(ptx)].append(f"`{opcode}`")
    lines = [
        "# PTX instructions of the emulator",
        "",
        "The emulator ([how it works](../pages/lessons/emulator.md)) executes an instruction, or refuses the kernel",
        "with an error that names it. Each spelling below was tried, and stands for others of its kind. The page is",
        "the output of",
        "`python -m kernels.emulator.instructions`.",
        "",
        "| section of the PTX ISA | executed | refused by name |",
        "|---|---|---|",
    ]  # fmt: skip
    for section, found in rows.items():
        lines.append(f"| {section} | {' '.join(found[True]) or '-'} | {' '.join(found[False]) or '-'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
