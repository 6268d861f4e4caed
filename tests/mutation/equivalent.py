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
    "kernels/conv2d/panels.py:32:20 missing last round: range(0, wide, lanes) -> range(0, (wide) - 1, lanes)": (
        "wide is a multiple of lanes, which are two or more: the last round begins at wide - lanes"
    ),
    "kernels/conv2d/tiles_amx.py:197:17 missing last round: range(ROW) -> range((ROW) - 1)": (
        "a tile's rows beyond the plane are read into sums that are not stored, and a row of sums depends on its "
        "own row alone"
    ),
    "kernels/conv2d/tiles_amx_weights.py:162:35 swapped axes: small.shape[0] -> small.shape[1]": (
        "the pass over the steps is made though it has no products, and add_step then adds nothing"
    ),
    "kernels/conv2d/tiles_amx.py:101:66 rounded up: tiles // 2 -> (-(-(tiles) // (2)))": (
        "_list_tiles returns an even number"
    ),
    "kernels/conv2d/tiles_depthwise.py:33:29 dropped factor: N * Ho * Wo -> (N * Ho)": (
        "the lines are cut into fewer tasks, and a task's cut divides no sum"
    ),
    "kernels/maxpool2d/cpu_naive.py:29:30 index off by one: x[n, 0, 0, c] -> x[n, 0, 0, (c) - 1]": (
        "the window's first pixel takes the place of this number, and padding is narrower than a window, so it "
        "has a pixel"
    ),
    "kernels/avgpool2d/cpu.py:88:11 other comparison: (h1 - h0) * (w1 - w0) > FEW -> ((h1 - h0) * (w1 - w0) >= FEW)": (
        "a window of 64 pixels is summed in float64 like larger ones: less is rounded, and integers' sums are "
        "exact both ways"
    ),
    "kernels/conv2d/tiles_winograd_weights.py:98:18 stale buffer: np.zeros(wide, V.dtype) -> np.empty(wide, V.dtype)": (
        "sum_block begins with them only if `fresh`, and here it adds to what M holds"
    ),
    "kernels/crossentropy/cpu.py:68:39 other comparison: p > HIGH -> (p >= HIGH)": ("HIGH itself is HIGH either way"),
    "kernels/int8/cpu.py:57:17 other comparison: v > low -> (v >= low)": (
        "low itself is low either way, and -0 rounds to the level of 0"
    ),
    "kernels/conv2d/tiles_narrow.py:40:14 dropped factor: t * lines_each -> (t)": (
        "a task computes lines of the tasks before it once more, and stores the same numbers: each is a sum by itself"
    ),
    "kernels/conv2d/tiles_int8.py:250:25 dropped factor: N * Ho * Wo -> (Wo)": (
        "it decides only whether one thread or several compute the tasks, and sums of integers are exact"
    ),
    "kernels/conv2d/tiles_int8.py:250:25 dropped factor: N * Ho * Wo * pixels * F * P * Q * Cg -> (Cg)": (
        "it decides only whether one thread or several compute the tasks, and sums of integers are exact"
    ),
    "kernels/conv2d/tiles_int8.py:250:25 dropped factor: "
    "N * Ho * Wo * pixels * F * P * Q -> (N * Ho * Wo * pixels * F * P)": (
        "it decides only whether one thread or several compute the tasks, and sums of integers are exact"
    ),
    "kernels/concatenate/cpu.py:63:14 wrong sign: dx.shape[0] + ROWS - 1 -> ((dx.shape[0] + ROWS) + (1))": (
        "a block more, which begins at the last row's end or beyond and so has no rows"
    ),
    "kernels/globalavgpool/cpu.py:63:20 wrong sign: stop - start -> ((stop) + (start))": (
        "start is a multiple of CHUNK and so of 4, and the remainder by 4 is the same"
    ),
    "kernels/conv2d/tiles_weights.py:112:42 other comparison: "
    "P * Q * Cg >= PACKING_PAYS -> (P * Q * Cg > PACKING_PAYS)": (
        "with 64 weights a filter, dy is read as it lies instead of from a copy: the same products, the lines "
        "perhaps in other parts, which the shape alone decides"
    ),
    "kernels/inner_functions.py:91:31 swapped axes: kept[0] -> kept[1]": (
        "a library's name, which messages show; what is linked are the symbols of its module"
    ),
    "kernels/conv2d/tiles_weights.py:120:76 wrong sign: last - first -> ((last) + (first))": (
        "the table has more room than it needs"
    ),
    "kernels/dense/tiles.py:68:66 wrong sign: -y.shape[0] -> (y.shape[0])": (
        "the rows are left in one part for each block of columns, and a cut between rows divides no sum"
    ),
    "kernels/conv2d/fixed.py:203:52 index off by one: runs[-1, 2] -> runs[(-1) + 1, 2]": (
        "all runs of a layout have the same length"
    ),
    "kernels/dense/cpu_blocked.py:20:31 other comparison: "
    "x.size * k.shape[1] >= PARALLEL -> (x.size * k.shape[1] > PARALLEL)": (
        "at that size one thread computes the same blocks as several"
    ),
    "kernels/conv2d/fixed.py:162:54 rounded up: threads // parts -> (-(-(threads) // (parts)))": (
        "the blocks of columns are cut into more tasks, and a cut between columns divides no sum"
    ),
    "kernels/unary/formulas.py:147:21 other comparison: x < type(x)(0) -> (x <= type(x)(0))": (
        "0 becomes -0, which is equal to it"
    ),
    "kernels/cpu/tiled_sums.py:135:12 wrong sign: -np.int64(room.ctypes.data) -> (np.int64(room.ctypes.data))": (
        "the room begins elsewhere within the spare line, and not with a cache line: the same numbers, read more slowly"
    ),
    "kernels/batchnorm/cpu.py:104:38 dropped term: k + 1 -> (k)": (
        "the slice of dy begins at the same row, and its length is never read: the loop counts by x, and compiled"
        " code checks no bounds"
    ),
    "kernels/cuda/tiles.py:158:65 dropped factor: 8 * DEPTH -> (DEPTH)": (
        "sums are cut into more parts: another order, which the shape alone decides, within the bound of any order"
    ),
    "kernels/groupnorm/cuda.py:72:32 rounded up: e // C -> (-(-(e) // (C)))": (
        "the threads of an image's pixels change places, and each number still has one"
    ),
    "kernels/rmsprop/cuda.py:112:7 other comparison: i + 4 <= p.size -> (i + 4 < p.size)": (
        "the last four go one by one, by the same formula"
    ),
    "kernels/convpool/matrix_unit.py:21:26 wrong sign: H - P -> ((H) + (P))": (
        "the convolution has rows more, below the image, which lie in no window of y"
    ),
    "kernels/convpool/tiles_grey.py:46:37 index off by one: partial[part, r, f] -> partial[(part) - 1, r, f]": (
        "an index of -1 is the last part: the parts are added in another order, which the shape alone decides"
    ),
    "kernels/conv2d/tiles_narrow.py:32:24 rounded up: "
    "TASK_PIXELS // max(Wo, 1) -> (-(-(TASK_PIXELS) // (max(Wo, 1))))": (
        "a task has a line more, and a cut between lines divides no sum"
    ),
    "kernels/dense/tiles.py:100:8 index off by one: y_starts[r] -> y_starts[(r) - 1]": (
        "an index of -1 is the last row: each row is moved once"
    ),
    "kernels/groupnorm/cpu.py:50:24 index off by one: x[n, p, c] -> x[n, (p) - 1, c]": (
        "an index of -1 is the last pixel: all of them are summed once, in another order"
    ),
    "kernels/conv2d/tiles_amx.py:90:14 wrong sign: last - line -> ((last) + (line))": (
        "the planes have more room than they need"
    ),
    "kernels/cpu/exponential.py:131:18 other comparison: x > HIGH64 -> (x >= HIGH64)": (
        "HIGH64 itself is HIGH64 either way"
    ),
}
