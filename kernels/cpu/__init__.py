"""What the CPU kernels share: register tiles, sums over lanes, exponentials."""
