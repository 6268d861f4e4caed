"""The moving pictures of a convolution: SVG and GIF."""
