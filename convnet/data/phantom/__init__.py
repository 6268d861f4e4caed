"""The embedded study: simulated CT of the liver with a lesion of low contrast, and its ideal observer."""

from convnet.data.phantom.series import SeriesStudy
from convnet.data.phantom.study import CLASSES, Study

__all__ = ["CLASSES", "SeriesStudy", "Study"]
