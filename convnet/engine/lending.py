"""A model's plans, lent to any number of threads: each has one to itself while it runs.

Two promises, without a lock on the way of a thread that finds a plan free:

- A plan is lent to one thread at a time, so no two share buffers. There are at most as many of one kind as processors;
  a thread that finds all of them lent waits for one.
- Whoever changes weights is `alone`: no plan is lent meanwhile. So a batch is computed with the weights of one finished
  step, never with some of one and some of the next.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from convnet.engine.graph import RECORDING
from convnet.engine.plan import Plan
from kernels.forking import register_models

KINDS_KEPT = 8  # plans by batch size and mode; the least recently used are dropped with their buffers
AT_ONCE = max(os.cpu_count() or 1, 2)  # of one kind: more would only wait for a processor

Key = tuple[Any, ...]  # shape, training, loss, weighted; and the precision, if it is not the model's


class _Shelf:
    """The plans of one kind."""

    def __init__(self) -> None:
        self.free: list[Plan] = []
        self.made = 0
        self.asked = 0  # threads that wait for one, since all are lent
        self.kept: list[Plan] = []  # for those: others, which need no lock, would be faster than they

    def put(self, plan: Plan) -> None:
        """Put a plan where the next one finds it, while the lock is held."""
        (self.kept if self.asked > len(self.kept) else self.free).append(plan)


def _empty(shelf: _Shelf, plans: list[Plan]) -> bool:
    """Move the free plans of a shelf to `plans`; return True if all of the shelf are there."""
    while shelf.free or shelf.kept:
        try:
            plans.append((shelf.kept or shelf.free).pop())
        except IndexError:  # a thread that needs no lock was faster
            break
    return sum(plan.shelf is shelf for plan in plans) == shelf.made


class _Alone:
    """`with lending.alone():`; a class, since a generator would cost a training step twice as much."""

    __slots__ = ("_entered", "_lending")

    def __init__(self, lending: Lending) -> None:
        self._lending = lending

    def __enter__(self) -> None:
        self._entered = self._lending.begin_alone()

    def __exit__(self, *_: object) -> None:
        if self._entered:
            self._lending.end_alone()


class Lending:
    """The plans of a model. `make` makes one more of a kind; it is called while `lock` is held."""

    def __init__(self, make: Callable[[Key], Plan]) -> None:
        self._make = make
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._shelves: OrderedDict[Key, _Shelf] = OrderedDict()
        self._trainers: OrderedDict[Key, Plan] = OrderedDict()
        self.training = threading.RLock()  # held by the thread that trains, for as long as it does
        self._alone: int | None = None  # the thread that is
        self._held: list[Plan] = []  # by the thread that is alone
        self._readers: list[int] = []  # threads
        self._waiting = 0  # threads that want to hear of a change
        self._asking = 0  # those of them that want to read
        self._owed = 0  # those that came while a thread was alone: before the next is, it is their turn

    # --- lending

    def take(self, key: Key) -> Plan:
        """Lend a plan of this kind to the calling thread, which gives it back."""
        try:
            plan = self._shelves[key].free.pop()  # one operation of the interpreter's: no lock is needed
            self._shelves.move_to_end(key)
            return plan
        except (KeyError, IndexError):
            return self._make_or_wait(key)

    def give(self, plan: Plan) -> None:
        """Take back a plan that was lent."""
        shelf = plan.shelf
        if shelf is None:
            return
        if self._waiting:
            with self._changed:
                if self._alone is None:
                    shelf.put(plan)
                else:
                    self._held.append(plan)
                self._changed.notify_all()
            return
        shelf.free.append(plan)
        if self._waiting:  # since a moment ago
            with self._changed:
                self._changed.notify_all()

    def trainer(self, key: Key) -> Plan:
        """Return the one plan of this kind for training, which one thread at a time does."""
        if key not in self._trainers:
            with self.lock:
                plan = self._make(key)
                while len(self._trainers) >= KINDS_KEPT:
                    self._trainers.popitem(last=False)
                self._trainers[key] = plan
        self._trainers.move_to_end(key)
        return self._trainers[key]

    def _make_or_wait(self, key: Key) -> Plan:
        me = threading.get_ident()
        with self._wait(), self._ask():
            while True:
                if self._alone == me or me in self._readers:
                    return self._make(key)  # for this one use: those on the shelves are held back
                if self._alone is None:
                    shelf = self._shelf(key)
                    try:
                        return (shelf.kept or shelf.free).pop()
                    except IndexError:
                        pass
                    if shelf.made < AT_ONCE:
                        plan = self._make(key)  # may find other weights to train and then drop all shelves
                        shelf = self._shelf(key)
                        plan.shelf, shelf.made = shelf, shelf.made + 1
                        return plan
                    shelf.asked += 1
                    self._changed.wait()
                    shelf.asked -= 1
                else:
                    self._changed.wait()

    def _shelf(self, key: Key) -> _Shelf:
        if key not in self._shelves:
            for old in list(self._shelves)[: max(len(self._shelves) - KINDS_KEPT + 1, 0)]:
                plans: list[Plan] = []
                if _empty(self._shelves[old], plans):
                    del self._shelves[old]
                else:  # some are lent: whoever wants to be alone must know of them
                    self._shelves[old].free += plans
            self._shelves[key] = _Shelf()
        return self._shelves[key]

    @contextmanager
    def _wait(self) -> Iterator[None]:
        """Hold the lock; whoever gives a plan back meanwhile says so."""
        with self._changed:
            self._waiting += 1
            try:
                yield
            finally:
                self._waiting -= 1

    @contextmanager
    def _ask(self) -> Iterator[None]:
        """Count a thread that wants to read; a training, which is alone again and again, lets it read in between."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if self._owed:
                self._owed -= 1
                self._changed.notify_all()

    # --- reading and changing weights

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the weights as they are while the caller reads them by other ways than a plan of these."""
        me = threading.get_ident()
        with self._wait(), self._ask():
            while self._alone not in (None, me) and me not in self._readers:
                self._changed.wait()
            self._readers.append(me)
        try:
            yield
        finally:
            with self._changed:
                self._readers.remove(me)
                self._changed.notify_all()

    def alone(self) -> _Alone:
        """Wait until no plan is lent and nobody reads, and lend none until the end; may be entered again within."""
        return _Alone(self)

    def begin_alone(self) -> bool:
        """Become alone, with the lock held; return False if the thread is it already."""
        me = threading.get_ident()
        if self._alone == me:
            return False
        self._changed.acquire()
        self._waiting += 1
        try:
            while self._alone is not None or self._owed:
                self._changed.wait()
            self._alone = me
            while not all([*(r == me for r in self._readers), *map(self._gather, self._shelves.values())]):
                self._changed.wait()
        except BaseException:
            self.end_alone()
            raise
        return True

    def end_alone(self) -> None:
        """Put the plans back that were held meanwhile, and let the others go on."""
        try:
            if self._alone == threading.get_ident():
                for plan in self._held:
                    if plan.shelf is not None:
                        plan.shelf.put(plan)
                self._held, self._alone, self._owed = [], None, self._asking
                if self._waiting > 1:  # others than this thread
                    self._changed.notify_all()
        finally:
            self._waiting -= 1
            self._changed.release()

    def _gather(self, shelf: _Shelf) -> bool:
        return _empty(shelf, self._held)

    def clear(self) -> None:
        """Drop all plans and their buffers."""
        with self.alone():
            for plan in self._held:
                plan.shelf = None
            self._shelves.clear()
            self._trainers.clear()

    # --- processes

    def after_fork(self) -> None:
        """Forget plans that were lent to threads that this process does not have, and what those waited for."""
        training, trainers = self.training, self._trainers
        if self._alone == threading.get_ident():
            return
        self._reset()
        if training._is_owned():  # type: ignore[attr-defined]  # by the thread that forked
            self.training, self._trainers = training, trainers


_all: WeakSet[Lending] = WeakSet()


class _Fork:
    """Keep every model usable in a forked child."""

    def __init__(self) -> None:
        self.locks: list[Any] = []

    def before(self) -> None:
        """Wait for changes of weights and for recordings that other threads are in the middle of."""
        self.locks = [*(lending.lock for lending in list(_all)), RECORDING]
        for lock in self.locks:
            lock.acquire()

    def parent(self) -> None:
        """Let them go on."""
        while self.locks:
            self.locks.pop().release()

    def child(self) -> None:
        """Forget the threads that this process does not have."""
        self.parent()
        for lending in list(_all):
            lending.after_fork()


register_models(_Fork())
