"""Nadam's momentum, which rises from step to step, and the factors of a step that follow from it."""

DECAY = 0.96  # of how far the momentum is still from beta1, a step


def momentum(step: int, beta1: float) -> float:
    """Return u_t = beta1 * (1 - 0.96^t / 2), the momentum of step t, the first being 1."""
    return beta1 * (1 - 0.5 * DECAY**step)


def product(step: int, beta1: float) -> float:
    """Return U_t = u_1 u_2 ... u_t."""
    found = 1.0
    for t in range(1, step + 1):
        found *= momentum(t, beta1)
    return found


def factors(step: int, beta1: float, beta2: float, U: float) -> tuple[float, float, float]:
    """Return what m and g are multiplied by, and 1 / sqrt(1 - beta2^t)."""
    u, following = momentum(step, beta1), momentum(step + 1, beta1)
    return following / (1 - U * following), (1 - u) / (1 - U), 1 / (1 - beta2**step) ** 0.5
