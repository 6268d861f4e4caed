"""Looking inside a model: what it is made of and costs, every number term by term, and what it saw in an image."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convnet.explain.animation.animate import animate
    from convnet.explain.lessons.lesson import Lesson, lesson
    from convnet.explain.maps.attribution import grad_cam, occlusion
    from convnet.explain.maps.history import plot_history
    from convnet.explain.maps.plots import (
        plot_attribution,
        plot_feature_maps,
        plot_filters,
        plot_gradients,
        plot_receptive_field,
    )
    from convnet.explain.maps.sanity import randomisation_check

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

_MODULES = {
    "Lesson": "lessons.lesson",
    "lesson": "lessons.lesson",
    "animate": "animation.animate",
    "grad_cam": "maps.attribution",
    "occlusion": "maps.attribution",
    "plot_history": "maps.history",
    "randomisation_check": "maps.sanity",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: drawing needs Matplotlib."""
    if name in __all__:
        return getattr(import_module(f"convnet.explain.{_MODULES.get(name, 'maps.plots')}"), name)
    raise AttributeError(f"module 'convnet.explain' has no attribute {name!r}")
