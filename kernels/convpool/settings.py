"""The settings of the convolution and of the pooling that convpool is made of."""

from typing import Any

PLAIN: dict[str, Any] = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
WINDOW: dict[str, Any] = {"size": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0))}
