"""THE table of where each pass of each operation is computed: a function, and the one line of it that matters."""

Place = tuple[str, str, str]  # file under kernels/, function, a text that its one line has

TILES: Place = ("cpu/tiled_sums.py", "_sum_tiles", "tile = simd.add_outer(")
NARROW: Place = ("conv2d/tiles_narrow.py", "_task", "tile = simd.add_product(")
DEPTHWISE: Place = ("cpu/tiled_sums.py", "sum_products", "tile = simd.add_product(")
WINDOW: Place = ("conv2d/tiles_window.py", "_block", "tile = add_window(")
WINDOW_PRODUCTS: Place = ("conv2d/tiles_window.py", "_block", "tile = add_window_products(")
TWO_BY_TWO: Place = ("maxpool2d/cpu.py", "_window_2x2", "y[n, i, j, c] = v if better")
TILING: dict[str, Place] = {  # windows side by side: each pixel belongs to one of them
    "maxpool2d": ("maxpool2d/cpu.py", "_tiles_row", "dx[n, i * P + p, j * Q + q, c] ="),
    "avgpool2d": ("avgpool2d/cpu.py", "_tiles_row", "dx[n, i * P + p, j * Q + q, c] ="),
}

# operation -> pass of the lesson -> (pass in formulas.py, reference, fast kernel)
PLACES: dict[str, dict[str, tuple[str, Place, Place | None]]] = {
    "conv2d": {
        "forward": ("forward", ("conv2d/reference.py", "forward", "total += float(x[n, h, w, first + c])"), TILES),
        "data": ("backward_data", ("conv2d/reference.py", "backward_data", "dx[n, h, w, first + c] +="), TILES),
        "weights": ("backward_weights", ("conv2d/reference.py", "backward_weights", "dk[p, q, c, f] +="), TILES),
    },
    "dense": {
        "forward": (
            "forward",
            ("dense/reference.py", "forward", "total += float(x[n, c])"),
            ("dense/one_row.py", "_add_part", "total = y[f] + x0 * k[c, f]"),
        ),
        "data": (
            "backward_data",
            ("dense/reference.py", "backward_data", "dx[n, c] +="),
            ("dense/one_row.py", "_backward_data", "dx[c] = lanes.dot("),
        ),
        "weights": (
            "backward_weights",
            ("dense/reference.py", "backward_weights", "dk[c, f] +="),
            ("dense/one_row.py", "_backward_weights", "dk[c, f] = x[c] * dy[f]"),
        ),
    },
    "maxpool2d": {
        "forward": (
            "forward",
            ("maxpool2d/reference.py", "forward", "if largest is None or v > largest"),
            ("maxpool2d/cpu.py", "_window", "better = _beats(v, m)"),
        ),
        "data": (
            "backward",
            ("maxpool2d/reference.py", "backward", "dx[n, h, w, c] +="),
            ("maxpool2d/cpu.py", "_gather_row", "dx[n, h - pad[0], w - pad[1], c] +="),
        ),
    },
    "avgpool2d": {
        "forward": (
            "forward",
            ("avgpool2d/reference.py", "forward", "total += float(x[n, h, w, c])"),
            ("avgpool2d/cpu.py", "_forward_row", "y[n, i, j, c] += x[n, h, w, c]"),
        ),
        "data": (
            "backward",
            ("avgpool2d/reference.py", "backward", "dx[n, h, w, c] +="),
            ("avgpool2d/cpu.py", "_gather_row", "dx[n, h, w, c] += dy[n, i, j, c] / count"),
        ),
    },
    "globalavgpool": {
        "forward": (
            "forward",
            ("globalavgpool/reference.py", "forward", "total += float(x[n, h, w, c])"),
            ("globalavgpool/cpu.py", "_sum_chunk", "total[c] += (x[n, m, c]"),
        ),
        "data": (
            "backward",
            ("globalavgpool/reference.py", "backward", "dx[n, h, w, c] ="),
            ("globalavgpool/cpu.py", "_spread_serial", "dx[n, m, c] = share[n, c]"),
        ),
    },
    "batchnorm": {
        "forward": (
            "forward",
            ("batchnorm/reference.py", "inference", "y[m, c] = float(gamma[c])"),
            ("batchnorm/cpu.py", "_normalise", "y[m, c] ="),
        ),
        "data": (
            "backward",
            ("batchnorm/reference.py", "backward", "dx[m, c] = float(gamma[c])"),
            ("batchnorm/cpu.py", "_gradient", "dx[m, c] ="),
        ),
        "weights": (
            "backward",
            ("batchnorm/reference.py", "backward", "dgamma[c] += float(dy[m, c])"),
            ("batchnorm/cpu.py", "_sum_products", "total[c] += (dy[m, c] * d0"),
        ),
    },
    "batchnorm_inference": {
        "forward": (
            "inference",
            ("batchnorm/reference.py", "inference", "y[m, c] = float(gamma[c])"),
            ("batchnorm/cpu.py", "_normalise", "y[m, c] ="),
        ),
        "data": (
            "dx = {γ}/{sqrt{var + ε}} · dy",
            ("batchnorm/reference.py", "inference", "y[m, c] = float(gamma[c])"),
            ("batchnorm/cpu.py", "_normalise", "y[m, c] ="),
        ),
        "weights": (
            "dγ = sum_{m} dy[m] · hat{x}[m];  dβ = sum_{m} dy[m]",
            ("batchnorm/reference.py", "backward", "dgamma[c] += float(dy[m, c])"),
            ("batchnorm/cpu.py", "_sum_products", "total[c] += (dy[m, c] * d0"),
        ),
    },
    "relu": {
        "forward": (
            "forward",
            ("relu/reference.py", "forward", "y[i] = 0.0 if"),
            ("relu/cpu.py", "_forward", "y[i] ="),
        ),
        "data": (
            "backward",
            ("relu/reference.py", "backward", "dx[i] = float(dy[i])"),
            ("relu/cpu.py", "_backward", "dx[i] ="),
        ),
    },
    "sigmoid": {
        "forward": (
            "forward",
            ("sigmoid/reference.py", "forward", "y[i] = math.exp(v)"),
            ("sigmoid/cpu.py", "_forward", "y[i] ="),
        ),
        "data": (
            "backward",
            ("sigmoid/reference.py", "backward", "dx[i] = float(dy[i])"),
            ("sigmoid/cpu.py", "_backward", "dx[i] ="),
        ),
    },
    "softmax": {
        "forward": (
            "forward",
            ("softmax/reference.py", "forward", "y[m, k] = powers[k] / total"),
            ("softmax/cpu.py", "_forward_block", "y[m, k] /= total"),
        ),
        "data": (
            "backward",
            ("softmax/reference.py", "backward", "dx[m, k] = float(y[m, k])"),
            ("softmax/cpu.py", "_backward_block", "dx[m, k] ="),
        ),
    },
    "dropout": {
        "forward": (
            "forward",
            ("dropout/reference.py", "forward", "y[index] = float(x[index])"),
            ("dropout/cpu.py", "_drop_block", "y[e] = kept if"),
        ),
        "data": (
            "backward",
            ("dropout/reference.py", "backward", "return forward(dy"),
            ("dropout/cpu.py", "backward", "forward(dy"),
        ),
    },
    "add": {
        "forward": (
            "forward",
            ("add/reference.py", "forward", "y[i] = float(a[i])"),
            ("add/cpu.py", "_add_serial", "y[i] = a[i]"),
        ),
        "data": (
            "backward",
            ("add/reference.py", "backward", "da[i] = float(dy[i])"),
            ("add/cpu.py", "_copy_serial", "da[i] ="),
        ),
    },
    "mse": {
        "forward": (
            "L = {1}/{N} sum_{i} (y[i] - hat{y}[i])^{2}",
            ("mse/reference.py", "forward", "total += w * difference"),
            ("mse/cpu.py", "_square", "s0 += d0 * d0"),
        ),
        "data": (
            "dhat{y}[i] = {2}/{N} (hat{y}[i] - y[i])",
            ("mse/reference.py", "backward", "dyhat[i] ="),
            ("mse/cpu.py", "_backward_stretch", "dyhat[i] ="),
        ),
    },
    "crossentropy sparse": {
        "forward": (
            "L = - log hat{y}[t]",
            ("crossentropy/reference.py", "sparse", "return -math.log("),
            ("crossentropy/cpu.py", "_sparse", "losses[n] ="),
        ),
        "data": (
            "dhat{y}[k] = - {1}/{hat{y}[t]} where k = t, else 0",
            ("crossentropy/reference.py", "sparse_gradient", "return [divide(1 -"),
            ("crossentropy/cpu.py", "_sparse_gradient", "dp[n, y[n]] = factors[n] *"),
        ),
    },
    "crossentropy logits": {
        "forward": (
            "L = log sum_{j} e^{z[j]} - z[t]",
            ("crossentropy/reference.py", "sparse_logits", "return log_sum_exp(z)"),
            ("crossentropy/cpu.py", "_sparse_logits", "losses[n] ="),
        ),
        "data": (
            "dz[k] = softmax(z)[k] - [k = t]",
            ("crossentropy/reference.py", "sparse_logits_gradient", "return [p[k]"),
            ("crossentropy/cpu.py", "_sparse_logits_gradient", "dz[n, k] ="),
        ),
    },
    "crossentropy binary": {
        "forward": (
            "L = - {1}/{K} sum_{k} (y[k] · log hat{y}[k] + (1 - y[k]) · log (1 - hat{y}[k]))",
            ("crossentropy/reference.py", "binary", "return sum("),
            ("crossentropy/cpu.py", "_binary", "loss -="),
        ),
        "data": (
            "dhat{y}[k] = {1}/{K} {hat{y}[k] - y[k]}/{hat{y}[k] · (1 - hat{y}[k])}",
            ("crossentropy/reference.py", "binary_gradient", "return [0.0"),
            ("crossentropy/cpu.py", "_binary_gradient", "slope ="),
        ),
    },
    "sgd": {
        "forward": (
            "p = p - η · dp",
            ("sgd/reference.py", "update", "a -= lr * b"),
            ("sgd/cpu.py", "_plain", "p[i] ="),
        )
    },
    "adam": {
        "forward": (
            "update",
            ("adam/reference.py", "update", "new_p[i] = a - np.float64("),
            ("adam/cpu.py", "_update", "p[i] ="),
        )
    },
}
