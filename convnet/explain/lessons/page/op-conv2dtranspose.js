// The transposed convolution and its gradients, one number at a time.

/** Every product that `take` accepts, in the order of x: [flat place in x, in k, in y]. */
function products(c, take) {
  const [H, W, channels] = c.x0.shape;
  const [P, Q, F] = c.p0.shape;
  const [Ho, Wo, filters] = c.y.shape;
  const { stride, padding, dilation, groups } = c.settings;
  for (let h = 0; h < H; h++)
    for (let w = 0; w < W; w++)
      for (let p = 0; p < P; p++)
        for (let q = 0; q < Q; q++) {
          const i = stride[0] * h + dilation[0] * p - padding[0][0];
          const j = stride[1] * w + dilation[1] * q - padding[1][0];
          if (i < 0 || i >= Ho || j < 0 || j >= Wo) continue;
          for (let ch = 0; ch < channels; ch++) {
            const first = Math.floor(ch / (channels / groups)) * F;
            for (let f = 0; f < F; f++)
              take((h * W + w) * channels + ch, ((p * Q + q) * F + f) * channels + ch, (i * Wo + j) * filters + first + f);
          }
        }
}

function forward(c, at, account) {
  const f = at % c.y.shape[2];
  account.begin(c.p1 ? c.p1.data[f] : 0);
  products(c, (ix, ik, iy) => iy === at && account.add(c.x0.data[ix], c.p0.data[ik], ix, ik));
  const [P, Q, , C] = c.p0.shape;
  account.sum((P * Q * C) / c.settings.groups + 2);
}

function data(c, at, account) {
  products(c, (ix, ik, iy) => ix === at && account.add(c.dy.data[iy], c.p0.data[ik], iy, ik));
  const [P, Q, F] = c.p0.shape;
  account.sum(P * Q * F + 1);
}

function weights(c, at, account) {
  products(c, (ix, ik, iy) => ik === at && account.add(c.x0.data[ix], c.dy.data[iy], ix, iy));
  account.sum(c.x0.shape[0] * c.x0.shape[1] + 1);
}

function bias(c, at, account) {
  const filters = c.y.shape[2];
  for (let iy = at; iy < c.dy.data.length; iy += filters) account.plain(c.dy.data[iy], iy);
  account.sum(c.dy.data.length / filters + 1);
}

export const conv2dtranspose = {
  forward: { of: "y", a: "x0", b: "p0", run: forward },
  dx0: { of: "dx0", a: "dy", b: "p0", run: data },
  dp0: { of: "dp0", a: "x0", b: "dy", run: weights },
  dp1: { of: "dp1", a: "dy", run: bias },
};
