"""Where an ONNX value's numbers are in the engine's array.

ONNX keeps images as (N, C, H, W), this engine as (N, H, W, C). A transposition, a reshape or a flattening in the file
moves no numbers here. Each axis is made of atoms, and what changes is only which atoms make up which axis. The engine's
array has the same atoms in its own order. Parameters are permuted to that order once, when the file is read. Axes of
length 1 have no atoms, so they may be anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np


@dataclass(frozen=True, eq=False)
class Atom:
    """A piece of an axis, longer than 1; two are the same only if they are one object.

    places[i] is the place in the ONNX axis of what the engine has at i; None: both count alike.
    """

    size: int
    places: np.ndarray | None = None


Atoms = tuple[Atom, ...]


class LayoutError(ValueError):
    """Numbers would have to be moved."""


@dataclass(frozen=True, eq=False)
class Layout:
    """One sample's axes in ONNX's order, each made of atoms, and the order of all atoms in the engine's array."""

    axes: tuple[Atoms, ...]
    order: Atoms

    @property
    def shape(self) -> tuple[int, ...]:
        """One sample's shape in ONNX."""
        return tuple(sizes(self.axes))

    # --- what ONNX's Transpose and Reshape do

    def transposed(self, axes: tuple[int, ...]) -> Layout:
        """Exchange ONNX's axes (of a sample)."""
        return Layout(tuple(self.axes[a] for a in axes), self.order)

    def reshaped(self, shape: tuple[int, ...]) -> Layout:
        """Give a sample another shape in ONNX; LayoutError where an axis would be cut across two."""
        merged = self._merged()
        left = [atom for axis in merged.axes for atom in axis]
        order, axes = list(merged.order), []
        for length in shape:
            axis: list[Atom] = []
            while (missing := length // prod(a.size for a in axis)) > 1:
                atom = left.pop(0) if left else Atom(1)
                if missing % atom.size and (atom.size % missing or atom.places is not None):
                    raise LayoutError(f"{self.shape} cannot be reshaped to {shape} without moving numbers")
                if atom.size > missing:
                    first, rest = Atom(missing), Atom(atom.size // missing)
                    at = order.index(atom)
                    order[at : at + 1] = [first, rest]
                    left.insert(0, rest)
                    atom = first
                if atom.size == 1:
                    raise LayoutError(f"{self.shape} has too few numbers for {shape}")
                axis.append(atom)
            axes.append(tuple(axis))
        return Layout(tuple(axes), tuple(order))

    def _merged(self) -> Layout:
        """Make one axis of all, in which atoms that are neighbours in both orders are one."""
        atoms = [atom for axis in self.axes for atom in axis]
        runs: list[list[Atom]] = []
        for atom in atoms:
            follows = runs and self.order.index(atom) == self.order.index(runs[-1][-1]) + 1
            if follows and atom.places is None and runs[-1][-1].places is None:
                runs[-1].append(atom)
            else:
                runs.append([atom])
        one = {id(run[0]): Atom(prod(a.size for a in run), run[0].places) for run in runs}
        order = tuple(one[id(a)] for a in self.order if id(a) in one)
        return Layout((tuple(one[id(run[0])] for run in runs),), order)

    # --- the engine's side

    def gathered(self, axis: int) -> Layout:
        """Make one atom of an ONNX axis, which may count otherwise than the engine; LayoutError if it is scattered."""
        atoms = self.axes[axis]
        if len(atoms) < 2:
            return self
        at = sorted(self.order.index(a) for a in atoms)
        if at != list(range(at[0], at[0] + len(atoms))):
            raise LayoutError(
                f"axis {axis + 1} of a value of shape (N, {', '.join(map(str, self.shape))}) is scattered"
            )
        inside = Layout((atoms,), self.order[at[0] : at[-1] + 1])
        places = inside.arrange(np.arange(prod(a.size for a in atoms)), (inside.order,)).reshape(-1)
        plain = bool((places == np.arange(places.size)).all())
        one = Atom(places.size, None if plain else places)
        axes = (*self.axes[:axis], (one,), *self.axes[axis + 1 :])
        return Layout(axes, (*self.order[: at[0]], one, *self.order[at[-1] + 1 :]))

    def whole(self) -> tuple[Layout, tuple[int, ...]]:
        """Make one atom of every axis; return the axes longer than 1 in the engine's order as well."""
        layout = self
        for axis in range(len(self.axes)):
            layout = layout.gathered(axis)
        place = {axis[0]: i for i, axis in enumerate(layout.axes) if axis}
        return layout, tuple(place[atom] for atom in layout.order)

    def groups(self) -> tuple[Atoms, ...]:
        """Return the engine's axes: ONNX's in the engine's order, each whole if it can be; none of length 1."""
        groups: list[list[Atom]] = []
        axis_of = {id(atom): i for i, axis in enumerate(self.axes) for atom in axis}
        for atom in self.order:
            last = groups[-1] if groups else []
            axis = self.axes[axis_of[id(atom)]]
            if last and axis_of[id(last[-1])] == axis_of[id(atom)] and axis.index(atom) == axis.index(last[-1]) + 1:
                last.append(atom)
            else:
                groups.append([atom])
        return tuple(tuple(g) for g in groups)

    def arrange(self, array: np.ndarray, groups: tuple[Atoms, ...]) -> np.ndarray:
        """Return an array of ONNX's axes (a sample's; 1 where it is the same all along) with the engine's axes."""
        array = np.asarray(array).reshape((1,) * (len(self.axes) - array.ndim) + array.shape)
        flat = [atom for axis in self.axes for atom in axis]
        whole = [array.shape[i] > 1 for i, axis in enumerate(self.axes) for _ in axis]
        split = array.reshape([atom.size if w else 1 for atom, w in zip(flat, whole, strict=True)])
        for i, (atom, w) in enumerate(zip(flat, whole, strict=True)):
            if w and atom.places is not None:
                split = np.take(split, atom.places, axis=i)
        wanted = [flat.index(atom) for group in groups for atom in group]
        moved = split.transpose(wanted)
        ends = np.cumsum([0, *map(len, groups)])
        whole_groups = [moved.shape[a:b] for a, b in pairwise(ends)]
        if all(set(s) == {1} or 1 not in s for s in whole_groups):
            return moved.reshape([prod(s) for s in whole_groups])
        full = [atom.size for group in groups for atom in group]
        return np.broadcast_to(moved, full).reshape([prod(a.size for a in group) for group in groups])


def order_rows(matrix: np.ndarray, axis: Atoms, order: Atoms) -> np.ndarray:
    """Return a matrix whose rows follow an ONNX axis with its rows in the order of the engine's atoms."""
    rows = Layout((axis,), order).arrange(np.arange(len(matrix)), (order,)).reshape(-1)
    return np.ascontiguousarray(matrix[rows])


def sizes(groups: tuple[Atoms, ...]) -> list[int]:
    """Return the length of each group of atoms."""
    return [prod(atom.size for atom in group) for group in groups]


def plain(shape: tuple[int, ...], order: tuple[int, ...] | None = None) -> Layout:
    """Return the layout of a new array: the engine's axes are ONNX's, in this order."""
    axes = tuple((Atom(n),) if n > 1 else () for n in shape)
    return Layout(axes, tuple(a for i in (order or range(len(shape))) for a in axes[i]))


def channels_last(shape: tuple[int, ...]) -> Layout:
    """Return the layout of what the engine computed as (..., C), and ONNX has as (C, ...)."""
    return plain(shape, (*range(1, len(shape)), 0))


def matched(one: Layout, other: Layout) -> tuple[Layout, Layout]:
    """Split both values' axes alike, and let both have the same atoms where both have any.

    Axes must be equally long, or 1 in one of them. LayoutError where that is not possible.
    """
    other = _renewed(other)  # both may come from one value, and an atom of it be in two axes
    pieces: dict[Atom, Atoms] = {}
    for mine, theirs in zip(one.axes, other.axes, strict=True):
        if mine and theirs:
            _split_alike(mine, theirs, pieces)

    def cut(atoms: Atoms) -> Atoms:
        return tuple(piece for atom in atoms for piece in (cut(pieces[atom]) if atom in pieces else (atom,)))

    def done(layout: Layout) -> Layout:
        return Layout(tuple(cut(axis) for axis in layout.axes), cut(layout.order))

    return done(one), done(other)


def _renewed(layout: Layout) -> Layout:
    new = {atom: Atom(atom.size, atom.places) for atom in layout.order}
    return Layout(tuple(tuple(new[a] for a in axis) for axis in layout.axes), tuple(new[a] for a in layout.order))


def _split_alike(mine: Atoms, theirs: Atoms, pieces: dict[Atom, Atoms]) -> None:
    """Note for each atom what it is replaced by: the same new atoms on both sides."""
    left, right = list(mine), list(theirs)
    while left and right:
        a, b = left.pop(0), right.pop(0)
        small = min(a.size, b.size)
        if max(a.size, b.size) % small or not _same_places(a, b):
            raise LayoutError("its two inputs are laid out differently")
        shared = Atom(small, a.places)
        for atom, rest in ((a, left), (b, right)):
            if atom.size == small:
                pieces[atom] = (shared,)
            else:
                end = Atom(atom.size // small)
                pieces[atom] = (shared, end)
                rest.insert(0, end)


def _same_places(a: Atom, b: Atom) -> bool:
    if a.places is None or b.places is None:
        return a.places is b.places
    return bool(np.array_equal(a.places, b.places))
