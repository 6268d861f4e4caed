"""Work on other processes and machines, by any `concurrent.futures.Executor`: Dask's, MPI's, Ray's, or local processes.

No scheduler and no protocol of ours: `open_executor` turns the command line's words into such an object, `run_ordered`
gives it a bounded number of jobs at a time and returns what comes back in the jobs' order. The result is that of a run
without an executor.
"""

from convnet.executors.errors import ExecutorError
from convnet.executors.opening import open_executor
from convnet.executors.ordered import run_ordered

__all__ = ["ExecutorError", "open_executor", "run_ordered"]
