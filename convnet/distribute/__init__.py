"""Training whose result does not depend on the number of machines.

A step's batch is cut into a fixed number of shards, each shard's gradient is computed by the same code wherever that
is, and the shards are added in one fixed binary tree. So one process and any number of them, with any number of
threads, give the same parameters to the bit. `Shards` computes them one after the other in this process, `MPI` shares
them among the processes that `mpiexec` started.
"""

from convnet.distribute.mpi import MPI
from convnet.distribute.shards import Shards

__all__ = ["MPI", "Shards"]
