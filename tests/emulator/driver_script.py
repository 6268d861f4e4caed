"""What the tests of the emulated driver run, in a process of its own: each case prints a line of JSON."""

import json
import threading as host

import numpy as np

from kernels.emulator.driver import install

install()

from numba import cuda  # noqa: E402

CASES = []


def case(function):
    """Enter a case."""
    CASES.append(function)
    return function


@cuda.jit
def _scale(x, a):
    i = cuda.grid(1)
    if i < x.size:
        x[i] *= a


@case
def arrays():
    """Return an array that was scaled where it lay, one that was passed from the host, and a slice."""
    x = np.arange(100, dtype=np.float32)
    there, here, part = cuda.to_device(x), x.copy(), cuda.to_device(x)
    _scale[4, 32](there, np.float32(3))
    _scale[4, 32](here, np.float32(3))
    _scale[4, 32](part[10:20], np.float32(3))
    return [there.copy_to_host().tolist(), here.tolist(), part.copy_to_host().tolist()]


@cuda.jit
def _beyond(x):
    x[cuda.grid(1)] = 1


@case
def fault():
    """Return the fault of a kernel that writes beyond its array."""
    try:
        _beyond[1, 32](cuda.device_array(31, np.int32))
    except Exception as error:
        return [
            type(error).__name__,
            error.kind,
            error.kernel,
            error.line - _beyond.py_func.__code__.co_firstlineno,
            *error.thread,
        ]


@cuda.jit(debug=True, opt=False)
def _divide(x):
    x[0] = 1 // x[0]


@case
def exception():
    """Return what a debug kernel raises."""
    try:
        _divide[1, 1](np.zeros(1, np.int64))
    except Exception as error:
        return type(error).__name__


@case
def memory():
    """Return whether freed memory is free again, and how an allocation that is too large ends."""
    context = cuda.current_context()
    waiting = context.memory_manager.deallocations  # numba-cuda frees several at once
    waiting.clear()
    before = context.get_memory_info().free
    big = cuda.device_array(1000, np.float64)
    during = context.get_memory_info().free
    del big
    waiting.clear()
    try:
        cuda.device_array(1 << 40, np.uint8)
    except Exception as error:
        return [before - during, before - context.get_memory_info().free, type(error).__name__]


@case
def events():
    """Return whether time passes between two events of a stream."""
    stream = cuda.stream()
    first, second = cuda.event(), cuda.event()
    first.record(stream)
    _scale[4, 32, stream](cuda.to_device(np.ones(10, np.float32), stream=stream), np.float32(2))
    _scale[4, 32, stream](np.ones(10, np.float32), np.float32(2))
    second.record(stream)
    stream.synchronize()
    return first.elapsed_time(second) > 0


THREADS, ROUNDS = 8, 10


@case
def threads():
    """Return the rounds in which a thread of the host found other numbers than its own launch wrote."""
    wrong: list[str] = []

    def work(number):
        for turn in range(ROUNDS):
            x = np.arange(100, dtype=np.float32) + number
            there = cuda.to_device(x)
            _scale[4, 32](there, np.float32(turn))
            if not np.array_equal(there.copy_to_host(), turn * x):
                wrong.append(f"{number}, {turn}")

    workers = [host.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return wrong


@cuda.jit(launch_bounds=64)
def _bounded(x):
    x[cuda.grid(1)] = 1


@case
def bounds():
    """Return what a block within the kernel's launch bounds writes, and how one beyond them ends."""
    x = np.zeros(96, np.float32)
    _bounded[1, 64](x)
    try:
        _bounded[1, 96](x)
    except Exception as error:
        return [float(x.sum()), type(error).__name__, str(error)]


for one in CASES:
    print(json.dumps({"case": one.__name__, "result": one()}), flush=True)
