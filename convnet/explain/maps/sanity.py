"""Does a map show what the network has learned? The model-randomisation test of attribution maps.

Weights are replaced by random ones, layer after layer from the output down. A map that explains the network must
change with them; one that stays the same shows the image (its edges, say) and would look as convincing for a network
that knows nothing.  Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import initializers
from convnet.explain.maps.attribution import grad_cam
from convnet.terms.table import Table

if TYPE_CHECKING:
    from convnet.engine.operator import Operator
    from convnet.engine.parameter import Parameter
    from convnet.model import Model

Method = Callable[["Model", np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Randomisation:
    """`layers`: in the order in which they were randomised, each together with those before it;
    `correlations`: Spearman's rank correlation of the map then with the map of the trained network, the mean over
    images and draws; `deviations`: their standard deviation."""

    method: str
    layers: tuple[str, ...]
    correlations: tuple[float, ...]
    deviations: tuple[float, ...]
    maps: int  # that each mean is taken over
    left_out: int = 0  # images whose map was constant from the beginning

    def _table(self) -> Table:
        lines = zip(self.layers, self.correlations, self.deviations, strict=True)
        rows = [[f"{'... and ' if n else ''}{name}", f"{r:.3f}", f"{d:.3f}"] for n, (name, r, d) in enumerate(lines)]
        title = f"{self.method}: rank correlation with the trained network's map, as layers are randomised"
        note = f"means over {self.maps} maps; one that explains the network falls towards 0, and does not stay near 1"
        if self.left_out:
            note += f"; left out: {self.left_out} images whose map is constant"
        return Table(["randomised", "correlation", "deviation"], rows, title, note)

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def randomisation_check(
    model: Model, images: np.ndarray, class_indices: Any, method: Method = grad_cam, *, draws: int = 3, seed: int = 0
) -> Randomisation:
    """Cascading randomisation: the map's rank correlation with itself as more and more layers become random.

    images (N,H,W,C); class_indices (N,), or one for all; method(model, image, class_index) -> map (H,W). Images for
    which the trained network's map is constant are left out, since there is nothing to compare with; a map that becomes
    constant has correlation 0. The model has its weights back in the end.
    ValueError: no images, a model without weights, or no image with a map that is not constant.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not len(images):
        raise ValueError(f"randomisation_check: expects images (N, height, width, channels), got shape {images.shape}")
    classes = [int(c) for c in np.broadcast_to(np.asarray(class_indices), len(images))]
    graph_layers = model.graph(images.shape[1:]).layers
    layers = [layer for layer in reversed(graph_layers) if layer.own_parameters]
    if not layers:
        raise ValueError(f"randomisation_check: {model.name} has no weights that could be randomised")
    if not callable(method):
        raise ValueError(f"randomisation_check: method must be a function such as grad_cam, got {method!r}")
    name = getattr(method, "__name__", type(method).__name__)
    maps = [np.asarray(method(model, image, c)) for image, c in zip(images, classes, strict=True)]
    if any(one.shape != images.shape[1:3] for one in maps):
        raise ValueError(f"randomisation_check: {name} must give maps of {images.shape[1:3]}, gave {maps[0].shape}")
    pairs = [(image, c) for image, c, one in zip(images, classes, maps, strict=True) if np.ptp(one)]
    trained = [one for one in maps if np.ptp(one)]
    if not trained:
        raise ValueError(f"randomisation_check: {name} gives constant maps only: there is nothing to compare with")
    found = np.empty((len(layers), draws, len(pairs)))
    for draw in range(draws):
        with restored(model):
            rng = np.random.Generator(np.random.Philox(key=[seed, draw]))
            for place, layer in enumerate(layers):
                randomise(layer, rng)
                found[place, draw] = [
                    rank_correlation(before, method(model, image, c))
                    for before, (image, c) in zip(trained, pairs, strict=True)
                ]
    flat = found.reshape(len(layers), -1)
    return Randomisation(
        name,
        tuple(layer.name for layer in layers),
        tuple(map(float, flat.mean(axis=1))),
        tuple(map(float, flat.std(axis=1))),
        flat.shape[1],
        len(images) - len(pairs),
    )


def randomise(layer: Operator, rng: np.random.Generator) -> None:
    """Start the layer's own weights anew, as `build` did; a kernel that started constant gets Glorot's numbers."""
    for parameter in layer.own_parameters:
        parameter.value[...] = initializers.BY_NAME[_initializer(parameter)](parameter.value.shape, rng)


def _initializer(parameter: Parameter) -> str:
    constant = parameter.initializer in ("zeros", "ones")
    return "glorot_uniform" if constant and parameter.value.ndim > 1 else parameter.initializer


@contextmanager
def restored(model: Model) -> Iterator[None]:
    """Whatever happens to the weights inside, they are as before in the end."""
    before = model.get_weights()
    try:
        yield
    finally:
        model.set_weights(before)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, ties sharing their mean rank; 0 where one of the maps is constant."""
    from scipy.stats import spearmanr

    a, b = np.ravel(a), np.ravel(b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)
