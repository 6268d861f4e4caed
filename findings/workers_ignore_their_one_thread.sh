#!/usr/bin/env bash
# Dask and Ray give each worker one OpenMP thread, and Numba's OpenMP layer uses all cores in each
# of them.
#
# Guess    OMP_NUM_THREADS=1, which both set for their workers, holds for Numba when it runs on
#          OpenMP.
# Seen     Dask 2026.8.0 (a worker with one thread) and Ray 2.60.0 (a task of one CPU) set
#          OMP_NUM_THREADS=1. In both, Numba 0.68.1 with the OpenMP layer uses as many threads as
#          the machine has cores. A parallel float32 sum then has the bits of that number of
#          threads.
# Why      Numba reads NUMBA_NUM_THREADS, and else counts the cores. It sets OpenMP's number of
#          threads itself.
# Cost     Eight workers on eight cores start 64 threads. Sums differ between machines, since a
#          parallel reduction depends on the number of threads.
# Instead  Set NUMBA_NUM_THREADS=1 in the workers' environment before they import Numba.
#          numba.set_num_threads() in the main thread does not reach them, or even other threads of
#          its own process.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
    dask==2026.8.0 distributed==2026.8.0 ray==2.60.0 numba==0.68.1 numpy==2.4.6
cat > finding.py <<'EOF'
import logging
import os
import sys

import numpy as np


def observe():
    """Return OMP_NUM_THREADS, Numba's threads and layer, and the bits of a parallel sum."""
    import numba

    @numba.njit(parallel=True)
    def total(a):
        s = np.float32(0)
        for i in numba.prange(a.size):
            s += a[i]
        return s

    result = total(np.random.default_rng(0).random(1_000_003).astype(np.float32))
    return os.environ.get("OMP_NUM_THREADS"), numba.get_num_threads(), numba.threading_layer(), float(result)


def check(what, seen, expected):
    print(f"{what}: {seen}")
    if seen != expected:
        sys.exit(f"The behaviour changed. {what}: expected {expected}, saw {seen}.")


if __name__ == "__main__":
    cores = len(os.sched_getaffinity(0))
    if cores < 2:
        sys.exit("This finding needs a machine with two or more cores.")
    import ray
    from distributed import Client, LocalCluster

    alone = observe()
    check("here", alone[:3], (None, cores, "omp"))
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        worker = client.submit(observe).result()
    check("in a Dask worker with one thread", worker[:3], ("1", cores, "omp"))
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    task = ray.get(ray.remote(observe).remote())
    check("in a Ray task with one CPU", task[:3], ("1", cores, "omp"))
    ray.shutdown()
    check("the sum is that of all cores", (worker[3], task[3]), (alone[3], alone[3]))
EOF
unset OMP_NUM_THREADS NUMBA_NUM_THREADS
NUMBA_THREADING_LAYER=omp venv/bin/python finding.py
