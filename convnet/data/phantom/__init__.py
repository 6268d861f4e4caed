"""The embedded study: simulated CT of the liver with a lesion of low contrast, and the best reader that there can be."""

from convnet.data.phantom.study import CLASSES, Study

__all__ = ["CLASSES", "Study"]
