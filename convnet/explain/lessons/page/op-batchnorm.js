// Batch normalisation with the batch's statistics (training) or the kept ones, one number at a time.
// The bounds follow kernels/verify/operations/batchnorm.py, operation by operation.

import { smallest, unitOf, wide } from "./rounding.js";
import { sizeOf } from "./places.js";

const DOUBLE = "float64";

/** Relative error of 1/sqrt(var + epsilon). */
export function scaleError(variance, errorVariance, epsilon, u) {
  const r = ((errorVariance + u * epsilon) / (variance + epsilon)) * (1 + u) + u;
  return (1 + r) * (1 + u) ** 2 - 1;
}

/** Error of (x - mean) * g / sqrt(var + epsilon) + b. */
export function normalisedError(x, g, b, mean, variance, errorMean, errorVariance, epsilon, u) {
  const d = Math.abs(x - mean);
  const s = Math.abs(g) / Math.sqrt(variance + epsilon);
  const errorD = errorMean + u * (d + errorMean);
  const growth = (1 + scaleError(variance, errorVariance, epsilon, u)) * (1 + u) ** 2;
  return s * ((d + errorD) * growth - d) + u * Math.abs(b);
}

export const both = (dtype, error) => error(unitOf(dtype)) + error(unitOf(DOUBLE)) + smallest(dtype);

/** Sums over channel `ch`'s pixels that the statistics and gradients are made of. */
function channel(c, ch) {
  const C = c.x0.shape[c.x0.shape.length - 1];
  return { C, M: sizeOf(c.x0.shape) / C };
}

/** Mean and variance of a channel, from x itself. */
export function statistics(x, ch) {
  const C = x.shape[x.shape.length - 1];
  const M = sizeOf(x.shape) / C;
  let mean = 0;
  let size = 0;
  for (let m = 0; m < M; m++) {
    mean += x.data[m * C + ch];
    size += Math.abs(x.data[m * C + ch]);
  }
  mean /= M;
  let variance = 0;
  for (let m = 0; m < M; m++) variance += (x.data[m * C + ch] - mean) ** 2;
  return { mean, variance: variance / M, size: size / M, M };
}

function lines(account, x, mean, variance, epsilon, g, b) {
  const hat = (x - mean) / Math.sqrt(variance + epsilon);
  account.line("mean", mean);
  account.line("var", variance);
  account.line("x̂ = (x − mean) / √(var + ε)", hat);
  account.line("γ", g);
  account.line("β", b);
  return g * hat + b;
}

function trainingForward(c, at, account) {
  const { C } = channel(c, 0);
  const ch = at % C;
  const { mean, variance, size, M } = c.statistics ? c.statistics(ch) : statistics(c.x0, ch);
  const [g, b, epsilon] = [c.p0.data[ch], c.p1.data[ch], c.settings.epsilon];
  if (account.keep) for (let m = 0; m < M; m++) account.plain(c.x0.data[m * C + ch], m * C + ch);
  account.line(`mean = Σ / ${M}`, mean);
  account.line("x", c.x0.data[at]);
  const y = lines(account, c.x0.data[at], mean, variance, epsilon, g, b);
  const bound = both(account.dtype, (u) => {
    const errorMean = wide(M, 4, u) * size;
    const errorVariance = wide(M, 7, u) * (variance + errorMean ** 2) + errorMean ** 2;
    return normalisedError(c.x0.data[at], g, b, mean, variance, errorMean, errorVariance, epsilon, u);
  });
  account.result(y, bound);
}

function keptForward(c, at, account) {
  const ch = at % channel(c, 0).C;
  const [g, b, mean, variance] = [c.p0, c.p1, c.p2, c.p3].map((p) => p.data[ch]);
  const epsilon = c.settings.epsilon;
  account.plain(c.x0.data[at], at);
  const y = lines(account, c.x0.data[at], mean, variance, epsilon, g, b);
  account.result(y, both(account.dtype, (u) => normalisedError(c.x0.data[at], g, b, mean, variance, 0, 0, epsilon, u)));
}

function keptData(c, at, account) {
  const ch = at % channel(c, 0).C;
  const [g, variance, epsilon] = [c.p0.data[ch], c.p3.data[ch], c.settings.epsilon];
  account.add(c.dy.data[at], g / Math.sqrt(variance + epsilon), at, -1);
  account.result(
    account.total,
    both(account.dtype, (u) => normalisedError(c.dy.data[at], g, 0, 0, variance, 0, 0, epsilon, u)),
  );
}

/** The statistics that the backward pass got: the kernel's, or those of x where the page computes by itself. */
function statisticsOf(c, ch, kept) {
  if (kept) return { mean: c.p2.data[ch], variance: c.p3.data[ch] };
  if (c.mean) return { mean: c.mean.data[ch], variance: c.variance.data[ch] };
  return statistics(c.x0, ch);
}

/** Sums for the gradients, and of their magnitudes: dbeta = sum dy, dgamma = sum dy * xhat. */
function gradients(c, ch, kept) {
  const { C, M } = channel(c, ch);
  const { mean, variance } = statisticsOf(c, ch, kept);
  const inverse = 1 / Math.sqrt(variance + c.settings.epsilon);
  let [dbeta, dgamma, sizeBeta, sizeGamma] = [0, 0, 0, 0];
  for (let m = 0; m < M; m++) {
    const dy = c.dy.data[m * C + ch];
    const hat = (c.x0.data[m * C + ch] - mean) * inverse;
    dbeta += dy;
    dgamma += dy * hat;
    sizeBeta += Math.abs(dy);
    sizeGamma += Math.abs(dy * hat);
  }
  return { C, M, mean, variance, inverse, dbeta, dgamma, sizeBeta, sizeGamma };
}

function gammaError(s, epsilon, u) {
  return s.sizeGamma * ((1 + wide(s.M, 7, u)) * (1 + scaleError(s.variance, 0, epsilon, u)) - 1);
}

/** Error of dx; s: the sums of magnitudes, the statistics and how many numbers they are of. */
export function dataError(s, g, dy, d, epsilon, u) {
  const grow = 1 + scaleError(s.variance, 0, epsilon, u);
  const share = s.sizeBeta / s.M;
  const slope = (s.sizeGamma * s.inverse) / s.M;
  const errorShare = (s.sizeBeta * (1 + wide(s.M, 3, u)) * (1 + u)) / s.M - share;
  const errorSlope = (((s.sizeGamma + gammaError(s, epsilon, u)) * s.inverse) / s.M) * grow * (1 + u) ** 2 - slope;
  const errorProduct = d * (1 + u) ** 2 * (slope + errorSlope) - d * slope;
  const inner = Math.abs(dy) + share + d * slope;
  const errorInner = (inner + errorShare + errorProduct) * (1 + u) ** 2 - inner;
  return Math.abs(g) * s.inverse * ((inner + errorInner) * grow * (1 + u) ** 2 - inner);
}

function trainingData(c, at, account) {
  const C = channel(c, 0).C;
  const ch = at % C;
  const s = c.gradients ? c.gradients(ch) : gradients(c, ch, false);
  const epsilon = c.settings.epsilon;
  const g = c.p0.data[ch];
  const dy = c.dy.data[at];
  const hat = (c.x0.data[at] - s.mean) * s.inverse;
  account.plain(dy, at);
  account.plain(-s.dbeta / s.M, -1, "− dβ / M");
  account.plain((-hat * s.dgamma) / s.M, -1, "− x̂ · dγ / M");
  account.line("x̂", hat);
  account.line("γ / √(var + ε)", g * s.inverse);
  const d = Math.abs(c.x0.data[at] - s.mean);
  const bound = both(account.dtype, (u) => dataError(s, g, dy, d, epsilon, u));
  account.result(g * s.inverse * account.total, bound);
}

const gammaGradient = (kept) => (c, ch, account) => {
  const s = gradients(c, ch, kept);
  for (let m = 0; m < s.M; m++) {
    const place = m * s.C + ch;
    account.add(c.dy.data[place], (c.x0.data[place] - s.mean) * s.inverse, place, place);
  }
  account.result(account.total, both(account.dtype, (u) => gammaError(s, c.settings.epsilon, u)));
};

function betaGradient(c, ch, account) {
  const { C, M } = channel(c, ch);
  for (let m = 0; m < M; m++) account.plain(c.dy.data[m * C + ch], m * C + ch);
  account.result(account.total, both(account.dtype, (u) => wide(M, 3, u) * account.magnitude));
}

/** Whole arrays ask for the same channel again and again: its sums are made once. */
function withMemory(c, kept) {
  const seen = { statistics: new Map(), gradients: new Map() };
  const once = (map, ch, make) => map.get(ch) ?? map.set(ch, make()).get(ch);
  return {
    ...c,
    statistics: (ch) => once(seen.statistics, ch, () => statistics(c.x0, ch)),
    gradients: (ch) => once(seen.gradients, ch, () => gradients(c, ch, kept)),
  };
}

export const batchnorm = {
  forward: { of: "y", a: "x0", run: trainingForward, whole: ["x0"] },
  dx0: { of: "dx0", a: "dy", run: trainingData, whole: ["x0", "dy"] },
  dp0: { of: "dp0", a: "dy", b: "x0", shownB: "x̂", run: gammaGradient(false), whole: ["x0"] },
  dp1: { of: "dp1", a: "dy", run: betaGradient },
  prepare: (c) => withMemory(c, false),
};
export const batchnorm_inference = {
  forward: { of: "y", a: "x0", run: keptForward, single: true },
  dx0: { of: "dx0", a: "dy", factor: "γ / √(var + ε)", run: keptData, single: true },
  dp0: { of: "dp0", a: "dy", b: "x0", shownB: "x̂", run: gammaGradient(true) },
  dp1: { of: "dp1", a: "dy", run: betaGradient },
};
