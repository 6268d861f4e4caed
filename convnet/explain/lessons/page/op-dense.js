// y = x k + b and its gradients, one number at a time.

import { denseData as wholeData, denseForward as wholeForward, denseWeights as wholeWeights } from "./whole-plain.js";

function forward(c, f, account) {
  const [C, F] = c.p0.shape;
  account.begin(c.p1 ? c.p1.data[f] : 0);
  for (let i = 0; i < C; i++) account.add(c.x0.data[i], c.p0.data[i * F + f], i, i * F + f);
  account.sum(C + 2);
}

function data(c, i, account) {
  const F = c.p0.shape[1];
  for (let f = 0; f < F; f++) account.add(c.dy.data[f], c.p0.data[i * F + f], f, i * F + f);
  account.sum(F + 1);
}

/** One image: one product. */
function weights(c, at, account) {
  const F = c.p0.shape[1];
  const i = Math.floor(at / F);
  account.add(c.x0.data[i], c.dy.data[at % F], i, at % F);
  account.sum(2);
}

function bias(c, f, account) {
  account.plain(c.dy.data[f], f);
  account.sum(2);
}

export const dense = {
  forward: { of: "y", a: "x0", b: "p0", run: forward, array: wholeForward },
  dx0: { of: "dx0", a: "dy", b: "p0", run: data, array: wholeData },
  dp0: { of: "dp0", a: "x0", b: "dy", run: weights, array: wholeWeights },
  dp1: { of: "dp1", a: "dy", run: bias },
};
