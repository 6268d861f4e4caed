// Group normalisation (and layer and instance normalisation), one number at a time.
// The bounds follow kernels/verify/operations/groupnorm.py, which has those of batch normalisation.

import { both, dataError, normalisedError, scaleError } from "./op-batchnorm.js";
import { wide } from "./rounding.js";
import { sizeOf } from "./places.js";

/** The group of cell `at`: its cells, its statistics, and how many channels and numbers it has. */
function groupOf(c, at) {
  const [P, C] = c.settings.size;
  const width = C / c.settings.groups;
  const first = at - (at % (P * C));
  const start = Math.floor((at % C) / width) * width;
  const cells = [];
  for (let p = 0; p < P; p++) for (let k = 0; k < width; k++) cells.push(first + p * C + start + k);
  const M = cells.length;
  let [mean, size, variance] = [0, 0, 0];
  for (const j of cells) {
    mean += c.x0.data[j] / M;
    size += Math.abs(c.x0.data[j]) / M;
  }
  for (const j of cells) variance += (c.x0.data[j] - mean) ** 2 / M;
  return { cells, C, M, mean, size, variance, inverse: 1 / Math.sqrt(variance + c.settings.epsilon) };
}

function forward(c, at, account) {
  const g = groupOf(c, at);
  const [gamma, beta, x] = [c.p0.data[at % g.C], c.p1.data[at % g.C], c.x0.data[at]];
  for (const j of g.cells) account.plain(c.x0.data[j], j);
  const hat = (x - g.mean) * g.inverse;
  account.line(`mean = Σ / ${g.M}`, g.mean);
  account.line("x", x);
  account.line("var", g.variance);
  account.line("x̂ = (x − mean) / √(var + ε)", hat);
  account.line("γ", gamma);
  account.line("β", beta);
  const bound = both(account.dtype, (u) => {
    const errorMean = wide(g.M, 4, u) * g.size;
    const errorVariance = wide(g.M, 7, u) * (g.variance + errorMean ** 2) + errorMean ** 2;
    return normalisedError(x, gamma, beta, g.mean, g.variance, errorMean, errorVariance, c.settings.epsilon, u);
  });
  account.result(gamma * hat + beta, bound);
}

function data(c, at, account) {
  const g = groupOf(c, at);
  const hat = (j) => (c.x0.data[j] - g.mean) * g.inverse;
  const scaled = (j) => c.dy.data[j] * c.p0.data[j % g.C];
  let [share, slope, sizeBeta, sizeGamma] = [0, 0, 0, 0];
  for (const j of g.cells) {
    share += scaled(j) / g.M;
    slope += (scaled(j) * hat(j)) / g.M;
    sizeBeta += Math.abs(scaled(j));
    sizeGamma += Math.abs(scaled(j) * hat(j));
  }
  account.plain(scaled(at), at, "dy · γ");
  account.plain(-share, -1, "− Σ dy γ / M");
  account.plain(-hat(at) * slope, -1, "− x̂ · Σ dy γ x̂ / M");
  account.line("x̂", hat(at));
  account.line("1 / √(var + ε)", g.inverse);
  const [d, s] = [Math.abs(c.x0.data[at] - g.mean), { ...g, sizeBeta, sizeGamma }];
  const bound = both(account.dtype, (u) => 2 * dataError(s, 1, scaled(at), d, c.settings.epsilon, u));
  account.result(g.inverse * account.total, bound);
}

/** The cells of channel `ch` in all samples (the page has one). */
function channel(c, ch) {
  const C = c.settings.size[1];
  return Array.from({ length: sizeOf(c.x0.shape) / C }, (_, n) => n * C + ch);
}

function gammaGradient(c, ch, account) {
  const cells = channel(c, ch);
  for (const j of cells) {
    const g = groupOf(c, j);
    account.add(c.dy.data[j], (c.x0.data[j] - g.mean) * g.inverse, j, j);
  }
  const { variance } = groupOf(c, ch);
  const grow = (u) => 1 + scaleError(variance, 0, c.settings.epsilon, u);
  const bound = both(account.dtype, (u) => account.magnitude * ((1 + wide(cells.length, 9, u)) * grow(u) - 1));
  account.result(account.total, bound);
}

function betaGradient(c, ch, account) {
  const cells = channel(c, ch);
  for (const j of cells) account.plain(c.dy.data[j], j);
  account.result(account.total, both(account.dtype, (u) => wide(cells.length, 3, u) * account.magnitude));
}

export const groupnorm = {
  forward: { of: "y", a: "x0", run: forward, whole: ["x0"] },
  dx0: { of: "dx0", a: "dy", run: data, whole: ["x0", "dy"] },
  dp0: { of: "dp0", a: "dy", b: "x0", shownB: "x̂", run: gammaGradient, whole: ["x0"] },
  dp1: { of: "dp1", a: "dy", run: betaGradient },
};
