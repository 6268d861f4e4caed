"""A tiny Keras-like layer and model API over `kernels` (formula-convnet's own package)."""
