"""Looking inside a model: what it is made of and costs, every number term by term, and what it saw in an image."""

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

__all__ = [
    "animate",
    "grad_cam",
    "occlusion",
    "plot_attribution",
    "plot_feature_maps",
    "plot_filters",
    "plot_gradients",
    "plot_history",
    "plot_receptive_field",
    "randomisation_check",
]
