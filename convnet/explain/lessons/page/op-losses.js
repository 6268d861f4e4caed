// The losses of one image and their gradients, one number at a time: x0 is the network's output.

import { ofSum, unitOf } from "./rounding.js";

const [LOW, HIGH] = [1e-7, 1 - 1e-7]; // Keras's epsilon: the logarithm stays finite
const clip = (p) => Math.min(Math.max(p, LOW), HIGH);
const clipped = (p) => p < LOW || p > HIGH;

/** kernels/verify/operations/losses.py: computed in float64, then rounded once. */
const own = (c) => 100 * (c.x0.data.length + 1) * 2 ** -53;

function lossBound(c, account, value) {
  const top = c.x0.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return 1.01 * unitOf(account.dtype) * Math.abs(value) + own(c) * (1 + top);
}

function slopeBound(c, account, value, largest) {
  return 1.01 * unitOf(account.dtype) * Math.abs(value) + own(c) * (1 + largest) + 1e-45;
}

function sparseForward(c, at, account) {
  const t = c.target[0];
  const p = clip(c.x0.data[t]);
  account.plain(c.x0.data[t], t);
  account.line(`−log ŷ[${t}]`, -Math.log(p));
  account.result(-Math.log(p), lossBound(c, account, -Math.log(p)));
}

function sparseData(c, k, account) {
  const t = c.target[0];
  const p = c.x0.data[k];
  const slope = k === t && !clipped(p) ? -1 / p : 0;
  account.line(k === t ? `−1 / ŷ[${t}]` : `k ≠ ${t}`, slope);
  account.result(slope, slopeBound(c, account, slope, clipped(c.x0.data[t]) ? 0 : 1 / c.x0.data[t]));
}

function logitsForward(c, at, account) {
  const t = c.target[0];
  const top = Math.max(...c.x0.data);
  c.x0.data.forEach((z, j) => account.plain(Math.exp(z - top), j));
  const value = top + Math.log(account.total) - c.x0.data[t];
  account.line("max z + log Σ exp(z − max z)", top + Math.log(account.total));
  account.line(`… − z[${t}]`, value);
  account.result(value, lossBound(c, account, value));
}

function logitsData(c, k, account) {
  const top = Math.max(...c.x0.data);
  c.x0.data.forEach((z, j) => account.plain(Math.exp(z - top), j));
  const p = Math.exp(c.x0.data[k] - top) / account.total;
  const slope = p - (k === c.target[0] ? 1 : 0);
  const largest = c.x0.data.reduce((most, z, j) => {
    const share = Math.exp(z - top) / account.total;
    return Math.max(most, j === c.target[0] ? 1 - share : share);
  }, 0);
  account.line(`softmax(z)[${k}]`, p);
  account.line(k === c.target[0] ? "… − 1" : "… − 0", slope);
  account.result(slope, slopeBound(c, account, slope, largest));
}

function binaryForward(c, at, account) {
  const K = c.x0.data.length;
  c.x0.data.forEach((v, k) => {
    const p = clip(v);
    account.plain(-(c.target[k] * Math.log(p) + (1 - c.target[k]) * Math.log(1 - p)) / K, k);
  });
  account.result(account.total, lossBound(c, account, account.total));
}

function binaryData(c, k, account) {
  const slopeAt = (j) => {
    const p = c.x0.data[j];
    return clipped(p) ? 0 : (p - c.target[j]) / (p * (1 - p)) / c.x0.data.length;
  };
  const slope = slopeAt(k);
  const largest = c.x0.data.reduce((most, _, j) => Math.max(most, Math.abs(slopeAt(j))), 0);
  account.line("(ŷ − y) / (ŷ (1 − ŷ)) / K", slope);
  account.result(slope, slopeBound(c, account, slope, largest));
}

function squaredForward(c, at, account) {
  const N = c.x0.data.length;
  c.x0.data.forEach((v, k) => account.add(c.target[k] - v, c.target[k] - v, k, -1));
  account.line(`Σ / ${N}`, account.total / N);
  const roundings = account.dtype === "float64" ? N + 4 : 2;
  account.result(account.total / N, ofSum(roundings, account.total / N, account.dtype));
}

function squaredData(c, k, account) {
  const N = c.x0.data.length;
  account.add(c.x0.data[k] - c.target[k], 2 / N, k, -1);
  account.result(account.total, ofSum(4, Math.abs(account.total), account.dtype));
}

const loss = (forward, data, extra = {}) => ({
  forward: { of: "y", a: "x0", run: forward, ...extra },
  dx0: { of: "dx0", a: "x0", run: data },
});

export const lossOperations = {
  "crossentropy sparse": loss(sparseForward, sparseData),
  "crossentropy logits": loss(logitsForward, logitsData, { shown: "exp(z − max)" }),
  "crossentropy binary": loss(binaryForward, binaryData, { shown: "−log" }),
  mse: loss(squaredForward, squaredData, { shown: "y − ŷ" }),
};
