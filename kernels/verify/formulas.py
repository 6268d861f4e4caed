"""The formula of each pass, as a line of text; markup.py typesets the same line.

Notation: x[n,i] an index, sum_{p,q} and max_{p,q}, {a}/{b} a fraction, sqrt{a}, e^{a} a power, hat{y}. What stands
behind a colon in a sum's index is a condition on the indices before it. In conv2d, c counts the channels of a filter's
group, f those filters, and g is the group's first channel: 0 if groups = 1.
"""

FORMULAS: dict[str, dict[str, str]] = {
    "conv2d": {
        "forward": "y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s i + d p - top, s j + d q - left, g + c] · k[p,q,c,f]",
        "backward_data": "dx[n,h,w, g + c] = sum_{i,j,p,q,f: s i + d p - top = h, s j + d q - left = w} "
        "dy[n,i,j,f] · k[p,q,c,f]",
        "backward_weights": "dk[p,q,c,f] = sum_{n,i,j} x[n, s i + d p - top, s j + d q - left, g + c] · dy[n,i,j,f]"
        ";  db[f] = sum_{n,i,j} dy[n,i,j,f]",
    },
    "conv2dtranspose": {
        "forward": "y[n,i,j,f] = b[f] + "
        "sum_{h,w,p,q,c: s h + d p - top = i, s w + d q - left = j} x[n,h,w,c] · k[p,q,f,c]",
        "backward_data": "dx[n,h,w,c] = sum_{p,q,f} dy[n, s h + d p - top, s w + d q - left, f] · k[p,q,f,c]",
        "backward_weights": "dk[p,q,f,c] = sum_{n,h,w} x[n,h,w,c] · dy[n, s h + d p - top, s w + d q - left, f]"
        ";  db[f] = sum_{n,i,j} dy[n,i,j,f]",
    },
    "maxpool2d": {
        "forward": "y[n,i,j,c] = max_{p,q} x[n, s i + p - top, s j + q - left, c]",
        "backward": "dx[n,h,w,c] = sum_{(i,j) chose (h,w)} dy[n,i,j,c]",
    },
    "convpool": {
        "forward": "y[n,i,j,f] = max(0, max_{a,b} (b[f] + sum_{p,q,c} x[n, 2 i + a + p, 2 j + b + q, c] · k[p,q,c,f]))",
        "backward_data": "dx[n,h,w,c] = sum_{i,j,f: y > 0} dy[n,i,j,f] · k[h - h[n,i,j,f], w - w[n,i,j,f], c, f]",
        "backward_weights": "dk[p,q,c,f] = sum_{n,i,j: y > 0} x[n, h[n,i,j,f] + p, w[n,i,j,f] + q, c] · dy[n,i,j,f]"
        ";  db[f] = sum_{n,i,j: y > 0} dy[n,i,j,f]",
    },
    "avgpool2d": {
        "forward": "y[n,i,j,c] = {1}/{R[i,j]} sum_{p,q} x[n, s i + p - top, s j + q - left, c]",
        "backward": "dx[n,h,w,c] = sum_{(i,j) over (h,w)} {dy[n,i,j,c]}/{R[i,j]}",
    },
    "globalavgpool": {
        "forward": "y[n,c] = {1}/{H W} sum_{h,w} x[n,h,w,c]",
        "backward": "dx[n,h,w,c] = {dy[n,c]}/{H W}",
    },
    "dense": {
        "forward": "y[n,f] = b[f] + sum_{c} x[n,c] · k[c,f]",
        "backward_data": "dx[n,c] = sum_{f} dy[n,f] · k[c,f]",
        "backward_weights": "dk[c,f] = sum_{n} x[n,c] · dy[n,f];  db[f] = sum_{n} dy[n,f]",
    },
    "batchnorm": {
        "forward": "y = γ {x - mean}/{sqrt{var + ε}} + β;  mean = {1}/{M} sum_{m} x[m];  "
        "var = {1}/{M} sum_{m} (x[m] - mean)^{2}",
        "inference": "y = γ {x - mean}/{sqrt{var + ε}} + β",
        "inference_backward": "dx = {γ}/{sqrt{var + ε}} · dy",
        "backward": "dx = {γ}/{sqrt{var + ε}} (dy - {dβ}/{M} - hat{x} {dγ}/{M});  "
        "dγ = sum_{m} dy[m] · hat{x}[m];  dβ = sum_{m} dy[m]",
    },
    "groupnorm": {
        "forward": "y = γ {x - mean}/{sqrt{var + ε}} + β;  mean = {1}/{M} sum_{p,c} x[p,c];  "
        "var = {1}/{M} sum_{p,c} (x[p,c] - mean)^{2}",
        "backward": "dx = {1}/{sqrt{var + ε}} (dy γ - {1}/{M} sum_{p,c} dy γ - {hat{x}}/{M} sum_{p,c} dy γ hat{x});  "
        "dγ = sum_{n,p} dy · hat{x};  dβ = sum_{n,p} dy",
    },
    "add": {"forward": "y = a + b", "backward": "da = dy;  db = dy"},
    "arithmetic": {
        "forward": "y[i] = a[i] + b[i], or -, ·, /, max, min, where an axis of length 1 is repeated",
        "backward": "da[j] = sum_{i: i reads a[j]} dy[i] · {∂y[i]}/{∂a[j]};  "
        "db[j] = sum_{i: i reads b[j]} dy[i] · {∂y[i]}/{∂b[j]}",
    },
    "concatenate": {
        "forward": "y[.., start + i, ..] = x[.., i, ..]",
        "backward": "dx[.., i, ..] = dy[.., start + i, ..]",
    },
    "resample": {
        "forward": "y[n,i,j,c] = sum_{h,w} u[i,h] · v[j,w] · x[n,h,w,c]",
        "backward": "dx[n,h,w,c] = sum_{i,j} u[i,h] · v[j,w] · dy[n,i,j,c]",
    },
    "sigmoid": {"forward": "y = {1}/{1 + e^{-x}}", "backward": "dx = dy · y · (1 - y)"},
    "relu": {"forward": "y = max(x, 0)", "backward": "dx = dy where y > 0, else 0"},
    "unary": {"forward": "y = f(x)", "backward": "dx = dy · f'(x)"},
    "softmax": {
        "forward": "y[k] = {e^{x[k]}}/{sum_{j} e^{x[j]}}",
        "backward": "dx[k] = y[k] · (dy[k] - sum_{j} dy[j] · y[j])",
        "log forward": "y[k] = x[k] - log sum_{j} e^{x[j]}",
        "log backward": "dx[k] = dy[k] - e^{y[k]} · sum_{j} dy[j]",
    },
    "mse": {
        "forward": "L = {1}/{N} sum_{i} w[i] · (y[i] - hat{y}[i])^{2}",
        "backward": "dhat{y}[i] = {2}/{N} w[i] · (hat{y}[i] - y[i])",
    },
    "crossentropy": {
        "forward": "L = - {1}/{N} sum_{n} w[n] · sum_{k} y[n,k] · log q[n,k];  "
        "q[n,k] = {hat{y}[n,k]}/{sum_{j} hat{y}[n,j]} or softmax(z)[n,k];  "
        "binary: L = - {1}/{N} sum_{n} {w[n]}/{K} · "
        "sum_{k} (y[n,k] · log hat{y}[n,k] + (1 - y[n,k]) · log (1 - hat{y}[n,k]))",
        "backward": "dz[n,k] = {w[n]}/{N} (hat{y}[n,k] - y[n,k]) where hat{y} = softmax(z);  "
        "dhat{y}[n,k] = {w[n]}/{N} · {sum_{j} y[n,j] - y[n,k] / q[n,k]}/{sum_{j} hat{y}[n,j]};  "
        "binary: dz[n,k] = {w[n]}/{N K} (hat{y}[n,k] - y[n,k]) where hat{y} = sigmoid(z)",
    },
    "dropout": {
        "forward": "y[e] = {x[e]}/{1 - rate} where kept[e], else 0",
        "backward": "dx[e] = {dy[e]}/{1 - rate} where kept[e], else 0",
    },
    "sgd": {"update": "v = μ v - η g;  p = p - η λ p + v;  Nesterov: p = p - η λ p + μ v - η g"},
    "rmsprop": {
        "update": "v = ρ v + (1 - ρ) g^{2};  d = η {g}/{sqrt{v + ε}};  m = μ m + d;  p = p - η λ p - m;  "
        "centered: a = ρ a + (1 - ρ) g, d = η {g}/{sqrt{v - a^{2} + ε}}"
    },
    "adam": {
        "update": "m = m + (g - m) (1 - β[1]);  v = v + (g^{2} - v) (1 - β[2]);  "
        "p = p - η λ p - η {sqrt{1 - β[2]^{t}}}/{1 - β[1]^{t}} {m}/{sqrt{v} + ε}"
    },
    "adagrad": {"update": "v = v + g^{2};  p = p - η λ p - η {g}/{sqrt{v + ε}}"},
    "nadam": {
        "update": "m = m + (g - m) (1 - β[1]);  v = v + (g^{2} - v) (1 - β[2]);  "
        "p = p - η λ p - η {u[t+1] {m}/{1 - U[t+1]} + (1 - u[t]) {g}/{1 - U[t]}}/{sqrt{{v}/{1 - β[2]^{t}}} + ε}"
    },
    "lion": {"update": "p = p - η λ p - η sign(β[1] m + (1 - β[1]) g);  m = β[2] m + (1 - β[2]) g"},
}
