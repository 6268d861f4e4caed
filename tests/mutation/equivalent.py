"""Survivors that compute the same results as the original, each with the reason why; they do not count."""

EQUIVALENT: dict[str, str] = {
    "kernels/maxpool2d/cpu.py:94:23 dropped term: q0 + 1 -> (q0)": (
        "the window's first pixel is compared with itself once more, and neither a number nor a NaN beats itself"
    ),
    "kernels/crossentropy/cpu.py:121:38 wrong sign: n + ROWS -> ((n) - (ROWS))": (
        "the slice of y begins at the same label, and its length is never read: the loop counts by factors, and "
        "compiled code checks no bounds"
    ),
}
