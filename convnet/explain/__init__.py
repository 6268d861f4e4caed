"""Looking inside a model: what it is made of and what it costs, and what it looked at in an image."""

from convnet.explain.attribution import grad_cam, occlusion
from convnet.explain.sanity import randomisation_check

__all__ = ["grad_cam", "occlusion", "randomisation_check"]
