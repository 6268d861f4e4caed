"""Several trained models as one: the mean of their probabilities, in one model and one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convnet.model import Model


def join(models: Sequence[Model], name: str = "ensemble") -> Model:
    """Return a model whose outputs are the sum of its members': normalized (`outputs.normalize`), their mean.

    Layers of the members are renamed, "member_1_conv2d", so that no two have one name.
    Nothing that takes a model needs to know: evaluate and diagnose run it, save writes it to one file.
    ValueError unless all take and give the same shapes.
    """
    from convnet.layers import Input
    from convnet.layers.naming import numbered_anew, prefix_names
    from convnet.model import Model

    if not models:
        raise ValueError("ensemble: give one model or more")
    shapes = {m.input_shape for m in models}
    if len(shapes) > 1 or None in shapes:
        raise ValueError(f"ensemble: all members must take images of one shape, these take {sorted(map(str, shapes))}")
    with numbered_anew():  # the file's names do not depend on what this process did before
        start = Input(models[0].input_shape)
        for number, member in enumerate(models, 1):
            prefix_names(member, f"member_{number}_")  # they were trained under the same names
        total = models[0](start)
        for member in models[1:]:
            total = total + member(start)
        joined = Model(start, total, name=name)
        joined.training_graph()
    return joined
