"""Moving pictures of a convolution's three passes, as SVG and GIF."""
