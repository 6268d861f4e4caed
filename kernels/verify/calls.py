"""The arguments of the compiled kernels that Python calls: by name, and the name of the kernel's module."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from kernels import device
from kernels.algebra import cpu
from kernels.algebra.coverage import by_name

Told = Callable[[dict[str, Any]], Any]


@contextmanager
def calls(called: Told) -> Iterator[None]:
    """Within this, `called` is told the arguments of each call of a CPU kernel before it is made."""

    def find(dispatcher: Any, compiled: Any, arguments: tuple) -> Any:
        called(by_name(dispatcher.py_func, arguments))
        return compiled.entry_point

    with cpu.intercepted(find):
        yield


@contextmanager
def launches(called: Told, run: bool = True) -> Iterator[None]:
    """Within this, `called` is told the arguments of each launch on the emulator before it is made.

    run: whether it is then made; else the results hold what they held.
    """
    launch = device.Emulated.launch

    def told(self: device.Emulated, kernel: Any, grid: Any, block: Any, arguments: tuple) -> None:
        called(by_name(kernel.py_func, arguments))
        if run:
            launch(self, kernel, grid, block, arguments)

    with mock.patch.object(device.Emulated, "launch", told):
        yield
