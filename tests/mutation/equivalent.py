"""Survivors that compute the same results as the original, each with the reason why; they do not count."""

EQUIVALENT: dict[str, str] = {
    "kernels/maxpool2d/cpu.py:94:23 dropped term: q0 + 1 -> (q0)": (
        "the window's first pixel is compared with itself once more, and neither a number nor a NaN beats itself"
    ),
    "kernels/crossentropy/cpu.py:121:38 wrong sign: n + ROWS -> ((n) - (ROWS))": (
        "the slice of y begins at the same label, and its length is never read: the loop counts by factors, and "
        "compiled code checks no bounds"
    ),
    "kernels/conv2d/cuda_naive.py:69:46 rounded up: F // groups -> (-(-(F) // (groups)))": "groups divides F",
    "kernels/conv2d/cuda_naive.py:70:44 rounded up: j // sw -> (-(-(j) // (sw)))": (
        "only where j is a multiple of the stride, as the line above asks"
    ),
    "kernels/conv2d/cuda_naive.py:106:25 index off by one: dy[n, i, j, f] -> dy[n, (i) - 1, j, f]": (
        "an index of -1 is the last row: the same rows are added, in another order"
    ),
    "kernels/maxpool2d/cuda_naive.py:29:24 rounded up: t // C -> (-(-(t) // (C)))": (
        "the threads of a row of outputs change places, and each output still has one"
    ),
    "kernels/maxpool2d/cuda_naive.py:52:50 rounded up: (h + top) // sh -> (-(-(h + top) // (sh)))": (
        "one window more is asked, below the pixel; its place for the pixel is negative, and no argmax is"
    ),
}
