// relu, sigmoid, softmax and its logarithm, one number at a time. Their gradients need the output only.

import { ofSum, smallest, spacing, unitOf } from "./rounding.js";
import { reluData as wholeReluData, reluForward as wholeReluForward } from "./whole-plain.js";

function reluForward(c, at, account) {
  const x = c.x0.data[at];
  account.plain(x, at);
  account.line("max(x, 0)", Math.max(x, 0));
  account.result(x <= 0 ? 0 : x, 0);
}

function reluData(c, at, account) {
  const open = c.y.data[at] > 0 ? 1 : 0;
  account.add(c.dy.data[at], open, at, -1);
  account.result(open ? c.dy.data[at] : 0, 0);
}

function sigmoidForward(c, at, account) {
  const x = c.x0.data[at];
  const e = Math.exp(-Math.abs(x));
  const y = (x < 0 ? e : 1) / (1 + e);
  account.plain(x, at);
  account.line("exp(−x)", Math.exp(-x));
  account.line("1 / (1 + exp(−x))", y);
  account.result(y, (account.dtype === "float64" ? 6 : 4) * spacing(y, account.dtype));
}

function sigmoidData(c, at, account) {
  const y = c.y.data[at];
  account.add(c.dy.data[at], y * (1 - y), at, -1);
  account.line("y · (1 − y)", y * (1 - y));
  account.sum(3);
}

/** The row of classes that a cell belongs to: [its first cell, how many, the cell's number in it]. */
function row(shape, at) {
  const K = shape[shape.length - 1];
  return [at - (at % K), K, at % K];
}

function softmaxForward(c, at, account) {
  const [first, K, k] = row(c.y.shape, at);
  let top = -Infinity;
  for (let j = 0; j < K; j++) top = Math.max(top, c.x0.data[first + j]);
  for (let j = 0; j < K; j++) account.plain(Math.exp(c.x0.data[first + j] - top), first + j);
  const total = account.total;
  const y = Math.exp(c.x0.data[at] - top) / total;
  // kernels/verify/operations/softmax.py: the shift rounds, and exp makes of it a relative error
  let mean = 0;
  for (let j = 0; j < K; j++) mean += (Math.exp(c.x0.data[first + j] - top) / total) * (top - c.x0.data[first + j]);
  const relative = top - c.x0.data[at] + mean + K + 5;
  account.line("max x", top);
  account.line("Σ exp(x[j] − max)", total);
  account.line(`exp(x[${k}] − max)`, Math.exp(c.x0.data[at] - top));
  account.line(`exp(x[${k}] − max) / Σ`, y);
  account.result(y, 2 * unitOf(account.dtype) * relative * y + 2 * smallest(account.dtype));
}

/** Row k of the Jacobian, y[k] * ([k = j] - y[j]), times dy. */
function softmaxData(c, at, account) {
  const [first, K, k] = row(c.y.shape, at);
  const y = c.y.data;
  let mean = 0;
  for (let j = 0; j < K; j++) mean += Math.abs(c.dy.data[first + j]) * y[first + j];
  for (let j = 0; j < K; j++) account.add(c.dy.data[first + j], y[at] * ((j === k ? 1 : 0) - y[first + j]), first + j, -1);
  account.result(account.total, ofSum(K + 4, y[at] * (Math.abs(c.dy.data[at]) + mean), account.dtype));
}

/** x[k] − max − log Σ exp(x[j] − max): the sum's terms are the powers. */
function logSoftmaxForward(c, at, account) {
  const [first, K] = row(c.y.shape, at);
  let top = -Infinity;
  for (let j = 0; j < K; j++) top = Math.max(top, c.x0.data[first + j]);
  for (let j = 0; j < K; j++) account.plain(Math.exp(c.x0.data[first + j] - top), first + j);
  const total = account.total;
  const shift = top - c.x0.data[at];
  const y = -shift - Math.log(total);
  let mean = 0;
  for (let j = 0; j < K; j++) mean += (Math.exp(c.x0.data[first + j] - top) / total) * (top - c.x0.data[first + j]);
  account.line("max x", top);
  account.line("Σ exp(x[j] − max)", total);
  account.line("log Σ", Math.log(total));
  account.line("x − max − log Σ", y);
  account.result(y, 2 * unitOf(account.dtype) * (shift + Math.abs(y) + mean + K + 5 + 3 * Math.log(total)));
}

function logSoftmaxData(c, at, account) {
  const [first, K, k] = row(c.y.shape, at);
  const share = Math.exp(c.y.data[at]);
  let size = Math.abs(c.dy.data[at]);
  for (let j = 0; j < K; j++) size += share * Math.abs(c.dy.data[first + j]);
  for (let j = 0; j < K; j++) account.add(c.dy.data[first + j], (j === k ? 1 : 0) - share, first + j, -1);
  account.line("exp(y)", share);
  account.result(account.total, ofSum(K + 6, size, account.dtype));
}

export const relu = {
  forward: { of: "y", a: "x0", run: reluForward, array: wholeReluForward, single: true },
  dx0: { of: "dx0", a: "dy", factor: "y > 0", run: reluData, array: wholeReluData, single: true },
};
export const sigmoid = {
  forward: { of: "y", a: "x0", run: sigmoidForward, single: true },
  dx0: { of: "dx0", a: "dy", factor: "y (1 − y)", run: sigmoidData, single: true },
};
export const softmax = {
  forward: { of: "y", a: "x0", run: softmaxForward, shown: "exp(x − max)" },
  dx0: { of: "dx0", a: "dy", factor: "J", run: softmaxData },
};
export const log_softmax = {
  forward: { of: "y", a: "x0", run: logSoftmaxForward, shown: "exp(x − max)" },
  dx0: { of: "dx0", a: "dy", factor: "[j = k] − exp(y)", run: logSoftmaxData },
};
