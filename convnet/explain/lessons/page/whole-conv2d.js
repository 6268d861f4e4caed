// Formula (1) and its gradients for whole arrays: the sums of op-conv2d.js, in the same order and so to the same bit, but
// along memory. Large images and steps of learning need them millions of times.

/** Call visit(y's place, x's place, k's place) for each window and each of its taps that lies inside the image. */
function everyTap(c, visit) {
  const [H, W, channels] = c.x0.shape;
  const [P, Q, C, F] = c.p0.shape;
  const [Ho, Wo] = c.y.shape;
  const { stride, padding, dilation } = c.settings;
  for (let i = 0; i < Ho; i++)
    for (let j = 0; j < Wo; j++)
      for (let p = 0; p < P; p++) {
        const h = stride[0] * i + dilation[0] * p - padding[0][0];
        if (h < 0 || h >= H) continue;
        for (let q = 0; q < Q; q++) {
          const w = stride[1] * j + dilation[1] * q - padding[1][0];
          if (w >= 0 && w < W) visit((i * Wo + j) * F, (h * W + w) * channels, (p * Q + q) * C * F);
        }
      }
}

/** The channels of one tap, group by group: [channel of x, row of k, first and last filter]. */
function rowsOf(c) {
  const [, , C, F] = c.p0.shape;
  const each = F / c.settings.groups;
  return Array.from({ length: c.settings.groups * C }, (_, channel) => {
    const group = Math.floor(channel / C);
    return [channel, (channel - group * C) * F, group * each, (group + 1) * each];
  });
}

export function forward(c) {
  const [Ho, Wo, F] = c.y.shape;
  const y = new Float64Array(Ho * Wo * F);
  if (c.p1) for (let at = 0; at < y.length; at++) y[at] = c.p1.data[at % F];
  const [x, k, rows] = [c.x0.data, c.p0.data, rowsOf(c)];
  everyTap(c, (iy, ix, ik) => {
    for (const [channel, row, first, last] of rows) {
      const pixel = x[ix + channel];
      for (let f = first; f < last; f++) y[iy + f] += pixel * k[ik + row + f];
    }
  });
  return y;
}

export function data(c) {
  const dx = new Float64Array(c.x0.data.length);
  const [dy, k, rows] = [c.dy.data, c.p0.data, rowsOf(c)];
  everyTap(c, (iy, ix, ik) => {
    for (const [channel, row, first, last] of rows) {
      let total = dx[ix + channel];
      for (let f = first; f < last; f++) total += dy[iy + f] * k[ik + row + f];
      dx[ix + channel] = total;
    }
  });
  return dx;
}

export function weights(c) {
  const dk = new Float64Array(c.p0.data.length);
  const [x, dy, rows] = [c.x0.data, c.dy.data, rowsOf(c)];
  everyTap(c, (iy, ix, ik) => {
    for (const [channel, row, first, last] of rows) {
      const pixel = x[ix + channel];
      for (let f = first; f < last; f++) dk[ik + row + f] += pixel * dy[iy + f];
    }
  });
  return dk;
}
