// Group normalisation (and layer and instance normalisation), one number at a time.

import { ofSum } from "./rounding.js";
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
  const magnitude = Math.abs(gamma) * g.inverse * (Math.abs(x) + g.size) + Math.abs(beta);
  account.result(gamma * hat + beta, ofSum(g.M + 12, magnitude, account.dtype));
}

function data(c, at, account) {
  const g = groupOf(c, at);
  const hat = (j) => (c.x0.data[j] - g.mean) * g.inverse;
  const scaled = (j) => c.dy.data[j] * c.p0.data[j % g.C];
  let [share, slope, size] = [0, 0, Math.abs(scaled(at))];
  for (const j of g.cells) {
    share += scaled(j) / g.M;
    slope += (scaled(j) * hat(j)) / g.M;
    size += (Math.abs(scaled(j)) / g.M) * (1 + Math.abs(hat(at) * hat(j)));
  }
  account.plain(scaled(at), at, "dy · γ");
  account.plain(-share, -1, "− Σ dy γ / M");
  account.plain(-hat(at) * slope, -1, "− x̂ · Σ dy γ x̂ / M");
  account.line("x̂", hat(at));
  account.line("1 / √(var + ε)", g.inverse);
  account.result(g.inverse * account.total, ofSum(2 * g.M + 20, size * g.inverse, account.dtype));
}

/** The cells of channel `ch` in all samples (the page has one). */
function channel(c, ch) {
  const C = c.settings.size[1];
  return Array.from({ length: sizeOf(c.x0.shape) / C }, (_, n) => n * C + ch);
}

function gammaGradient(c, ch, account) {
  let magnitude = 0;
  for (const j of channel(c, ch)) {
    const g = groupOf(c, j);
    account.add(c.dy.data[j], (c.x0.data[j] - g.mean) * g.inverse, j, j);
    magnitude += Math.abs(c.dy.data[j]) * g.inverse * (Math.abs(c.x0.data[j]) + g.size);
  }
  account.result(account.total, ofSum(sizeOf(c.x0.shape) / c.settings.size[1] + 12, magnitude, account.dtype));
}

function betaGradient(c, ch, account) {
  const cells = channel(c, ch);
  for (const j of cells) account.plain(c.dy.data[j], j);
  account.result(account.total, ofSum(cells.length + 3, account.magnitude, account.dtype));
}

export const groupnorm = {
  forward: { of: "y", a: "x0", run: forward, whole: ["x0"] },
  dx0: { of: "dx0", a: "dy", run: data, whole: ["x0", "dy"] },
  dp0: { of: "dp0", a: "dy", b: "x0", shownB: "x̂", run: gammaGradient, whole: ["x0"] },
  dp1: { of: "dp1", a: "dy", run: betaGradient },
};
