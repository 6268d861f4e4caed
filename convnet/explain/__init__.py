"""Looking inside a model: what it is made of and costs, every number term by term, and what it saw in an image."""

from typing import TYPE_CHECKING, Any

from convnet.explain.animation import animate
from convnet.explain.attribution import grad_cam, occlusion
from convnet.explain.plots import (
    plot_attribution,
    plot_feature_maps,
    plot_filters,
    plot_gradients,
    plot_history,
    plot_receptive_field,
)
from convnet.explain.sanity import randomisation_check

if TYPE_CHECKING:
    from convnet.explain.lessons import Lesson, lesson

__all__ = [
    "Lesson",
    "animate",
    "grad_cam",
    "lesson",
    "occlusion",
    "plot_attribution",
    "plot_feature_maps",
    "plot_filters",
    "plot_gradients",
    "plot_history",
    "plot_receptive_field",
    "randomisation_check",
]


def __getattr__(name: str) -> Any:
    if name in ("Lesson", "lesson"):  # when asked for: it needs the whole engine
        from convnet.explain import lessons

        return getattr(lessons, name)
    raise AttributeError(f"module 'convnet.explain' has no attribute {name!r}")
