"""Survivors that compute the same results as the original, each with the reason why; they do not count."""

EQUIVALENT: dict[str, str] = {
    "kernels/int8/cpu.py:73:31 wrong sign: x.size + BLOCK - 1 -> ((x.size + BLOCK) + (1))": (
        "a block more, in which there are no numbers: a slice beyond the end is empty"
    ),
    "kernels/maxpool2d/cpu.py:94:23 dropped term: q0 + 1 -> (q0)": (
        "the window's first pixel is compared with itself once more, and neither a number nor a NaN beats itself"
    ),
    "kernels/crossentropy/cpu.py:121:38 wrong sign: n + ROWS -> ((n) - (ROWS))": (
        "the slice of y begins at the same label, and its length is never read: the loop counts by factors, and "
        "compiled code checks no bounds"
    ),
    "kernels/conv2d/tiles_correlate.py:162:29 wrong sign: count - 1 -> ((count) + (1))": (
        "neighbouring taps mostly stay two runs instead of one: the same products in the same order, with more steps"
    ),
    "kernels/conv2d/cuda_naive.py:69:46 rounded up: F // groups -> (-(-(F) // (groups)))": "groups divides F",
    "kernels/conv2d/cuda_naive.py:70:44 rounded up: j // sw -> (-(-(j) // (sw)))": (
        "only where j is a multiple of the stride, as the line above asks"
    ),
    "kernels/conv2d/cuda_naive.py:106:25 index off by one: dy[n, i, j, f] -> dy[n, (i) - 1, j, f]": (
        "an index of -1 is the last row: the same rows are added, in another order"
    ),
    "kernels/conv2d/cuda_naive.py:39:37 rounded up: t // F // Wo -> (-(-(t // F) // (Wo)))": (
        "the threads of a column of outputs change places, and each output still has one"
    ),
    "kernels/conv2d/cuda_naive.py:82:24 rounded up: t // F -> (-(-(t) // (F)))": (
        "the threads of a tap's channels change places, and each weight still has one"
    ),
    "kernels/conv2d/cuda_naive.py:82:37 rounded up: t // F -> (-(-(t) // (F)))": (
        "the threads of a row of taps change places, and each weight still has one"
    ),
    "kernels/conv2d/cuda_shared.py:38:64 rounded up: k.shape[3] // groups -> (-(-(k.shape[3]) // (groups)))": (
        "groups divides F"
    ),
    "kernels/conv2d/cuda_shared.py:128:26 rounded up: m // Wo -> (-(-(m) // (Wo)))": (
        "x and dy are read at the same, other position: all of them once, in another order"
    ),
    "kernels/batchnorm/cuda.py:89:8 index off by one: partial[k, c] -> partial[(k) - 1, c]": (
        "an index of -1 is the last row: the chunks' sums are added in another order"
    ),
    "kernels/adam/cuda.py:28:7 other comparison: i + 4 <= p.size -> (i + 4 < p.size)": (
        "the last four go one by one, by the same formula"
    ),
    "kernels/maxpool2d/cuda.py:42:42 dropped factor: 4 * BLOCK -> (4)": (
        "more blocks are started, whose threads find nothing to do"
    ),
    "kernels/maxpool2d/cuda_naive.py:29:24 rounded up: t // C -> (-(-(t) // (C)))": (
        "the threads of a row of outputs change places, and each output still has one"
    ),
    "kernels/conv2d/cuda_shared.py:99:28 rounded up: i // sh -> (-(-(i) // (sh)))": (
        "only where i is a multiple of the stride, as the line above asks"
    ),
    "kernels/maxpool2d/cuda_naive.py:52:50 rounded up: (h + top) // sh -> (-(-(h + top) // (sh)))": (
        "one window more is asked, below the pixel; its place for the pixel is negative, and no argmax is"
    ),
    "kernels/cuda/tensor_core.py:130:17 missing last round: range(0, j, 2) -> range(0, (j) - 1, 2)": (
        "columns are multiplied in pairs: j is even, and the last round begins at j - 2"
    ),
}
