// ReLU, max pooling and the dense layer for whole arrays: the numbers of op-*.js, to the same bit, along memory.

export const reluForward = (c) => Float64Array.from(c.x0.data, (x) => (x <= 0 ? 0 : x));

export const reluData = (c) => Float64Array.from(c.dy.data, (dy, at) => (c.y.data[at] > 0 ? dy : 0));

/** Call visit(y's place, the place of its window's first largest pixel) for every output. */
function everyWinner(c, visit) {
  const [H, W, C] = c.x0.shape;
  const [Ho, Wo] = c.y.shape;
  const { size, stride, padding } = c.settings;
  const x = c.x0.data;
  for (let i = 0; i < Ho; i++)
    for (let j = 0; j < Wo; j++)
      for (let channel = 0; channel < C; channel++) {
        let best = -1;
        for (let p = 0; p < size[0]; p++) {
          const h = stride[0] * i + p - padding[0][0];
          if (h < 0 || h >= H) continue;
          for (let q = 0; q < size[1]; q++) {
            const w = stride[1] * j + q - padding[1][0];
            const at = (h * W + w) * C + channel;
            if (w >= 0 && w < W && (best < 0 || x[at] > x[best])) best = at;
          }
        }
        visit((i * Wo + j) * C + channel, best);
      }
}

export function maxForward(c) {
  const y = new Float64Array(c.y.shape.reduce((product, n) => product * n, 1));
  everyWinner(c, (iy, ix) => (y[iy] = c.x0.data[ix]));
  return y;
}

/** Windows come in the order of their outputs, as in op-pooling.js: the same sums in the same order. */
export function maxData(c) {
  const dx = new Float64Array(c.x0.data.length);
  everyWinner(c, (iy, ix) => (dx[ix] += c.dy.data[iy]));
  return dx;
}

export function denseForward(c) {
  const [C, F] = c.p0.shape;
  const [x, k] = [c.x0.data, c.p0.data];
  const y = new Float64Array(F);
  if (c.p1) y.set(c.p1.data);
  for (let i = 0; i < C; i++) for (let f = 0; f < F; f++) y[f] += x[i] * k[i * F + f];
  return y;
}

export function denseData(c) {
  const [C, F] = c.p0.shape;
  const [dy, k] = [c.dy.data, c.p0.data];
  const dx = new Float64Array(C);
  for (let i = 0; i < C; i++) for (let f = 0; f < F; f++) dx[i] += dy[f] * k[i * F + f];
  return dx;
}

export function denseWeights(c) {
  const [C, F] = c.p0.shape;
  const dk = new Float64Array(C * F);
  for (let i = 0; i < C; i++) for (let f = 0; f < F; f++) dk[i * F + f] = 0 + c.x0.data[i] * c.dy.data[f]; // 0 + −0 is 0, as in a sum
  return dk;
}
