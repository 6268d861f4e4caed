"""A module of Keras's tests, run with our classes under the names that it imports."""

import builtins
import unittest
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import convnet
from tests.peers.keras_own import layers, optimizers
from tests.peers.keras_own.case import Case

ROOMS = ("layers", "losses", "metrics", "optimizers", "callbacks")


class NotHere(unittest.SkipTest):
    """A name of Keras's that we do not have: its tests do not count."""


class Room(ModuleType):
    """Stands for a module of Keras's: what we have is ours, and asking for anything else skips the test."""

    def __init__(self, name, own, raw=None):
        super().__init__(name)
        self.__dict__["_own"], self.__dict__["_raw"] = own, raw

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._own:
            return self._own[name]
        if self._raw is not None and hasattr(self._raw, name):
            return getattr(self._raw, name)
        return self if name in modules() else Missing(name)


@cache
def modules():
    """The names of Keras's own modules in these rooms, which its tests import from each other's folders."""
    return frozenset(p.stem for room in ROOMS for p in (folder() / room).rglob("*.py"))


class Missing:
    """A name that is imported and not here: using it skips the test that does."""

    def __init__(self, name):
        self.name = name

    def __mro_entries__(self, bases):
        raise NotHere(f"{self.name} is not here")

    def __call__(self, *args, **kwargs):
        raise NotHere(f"{self.name} is not here")

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotHere(f"{self.name} is not here")


def rooms(whole_models):
    """Our classes by room; with `whole_models` raw, since `fit` takes no proxies."""
    made = {} if whole_models else {"layers": layers.proxies(), "optimizers": optimizers.proxies()}
    return {room: Room(room, made.get(room, {}), _ours(room, whole_models)) for room in ROOMS}


def _ours(room, whole_models):
    if room in ("layers", "optimizers") and not whole_models:
        return None
    return import_module(f"convnet.{room}")


def load(path):
    """Return the classes of tests in a file of Keras's, by name."""
    whole = "/callbacks/" in str(path)
    made = rooms(whole)
    models = Room("models", {"Sequential": convnet.Sequential, "Model": convnet.Model})
    replaced = {f"keras.src.{room}": module for room, module in made.items()} | {"keras.src.models": models}
    testing = SimpleNamespace(TestCase=Case, parameterized=None)

    def importing(name, globals=None, locals=None, fromlist=(), level=0):
        for place, module in replaced.items():
            if name == place or name.startswith(f"{place}."):
                return module
        if name == "keras.src" and fromlist:
            found = import_module(name)
            own = {**{r: made[r] for r in ROOMS}, "models": models, "Sequential": convnet.Sequential}
            own["testing"] = _testing(found.testing, testing)
            return SimpleNamespace(**{n: own[n] if n in own else getattr(found, n, None) for n in fromlist})
        if name == "keras.src.testing" and "test_utils" not in (fromlist or ()):
            return _testing(import_module(name), testing)
        return builtins.__import__(name, globals, locals, fromlist, level)

    scope = {"__name__": f"keras_own.{Path(path).stem}", "__file__": str(path)}
    scope["__builtins__"] = {**vars(builtins), "__import__": importing}
    exec(compile(Path(path).read_text(), str(path), "exec"), scope)  # Keras's own source, from its package
    return {
        n: c for n, c in scope.items() if isinstance(c, type) and issubclass(c, unittest.TestCase) and c is not Case
    }


def _testing(real, own):
    case = SimpleNamespace(**{**vars(real.test_case), "TestCase": own.TestCase})  # some import it from its own file
    return SimpleNamespace(**{**vars(real), "TestCase": own.TestCase, "test_case": case})


def folder():
    """Where the installed Keras has its sources."""
    return Path(find_spec("keras").origin).parent / "src"
