// Formula (1) and its two gradients, one number at a time.

import { data as wholeData, forward as wholeForward, weights as wholeWeights } from "./whole-conv2d.js";
import { placeOf, windowsOver } from "./places.js";

function forward(c, at, account) {
  const [i, j, f] = placeOf(at, c.y.shape);
  const [H, W] = c.x0.shape;
  const [P, Q, C, F] = c.p0.shape;
  const { stride, padding, dilation, groups } = c.settings;
  const first = Math.floor(f / (F / groups)) * C; // the first input channel of f's group
  account.begin(c.p1 ? c.p1.data[f] : 0);
  for (let p = 0; p < P; p++)
    for (let q = 0; q < Q; q++) {
      const h = stride[0] * i + dilation[0] * p - padding[0][0];
      const w = stride[1] * j + dilation[1] * q - padding[1][0];
      const inside = h >= 0 && h < H && w >= 0 && w < W;
      for (let ch = 0; ch < C; ch++) {
        const ik = ((p * Q + q) * C + ch) * F + f;
        const ix = inside ? (h * W + w) * c.x0.shape[2] + first + ch : -1;
        if (inside) account.add(c.x0.data[ix], c.p0.data[ik], ix, ik);
        else account.outside(c.p0.data[ik], ik);
      }
    }
  account.sum(P * Q * C + 2);
}

function data(c, at, account) {
  const [h, w, channel] = placeOf(at, c.x0.shape);
  const [P, Q, C, F] = c.p0.shape;
  const [Ho, Wo] = c.y.shape;
  const { stride, padding, dilation, groups } = c.settings;
  const each = F / groups;
  const group = Math.floor(channel / C);
  for (const [i, p] of windowsOver(h, Ho, P, stride[0], padding[0][0], dilation[0]))
    for (const [j, q] of windowsOver(w, Wo, Q, stride[1], padding[1][0], dilation[1]))
      for (let f = group * each; f < (group + 1) * each; f++) {
        const iy = (i * Wo + j) * F + f;
        const ik = ((p * Q + q) * C + (channel - group * C)) * F + f;
        account.add(c.dy.data[iy], c.p0.data[ik], iy, ik);
      }
  account.sum(P * Q * each + 1);
}

function weights(c, at, account) {
  const [p, q, ch, f] = placeOf(at, c.p0.shape);
  const [H, W, channels] = c.x0.shape;
  const [Ho, Wo, F] = c.y.shape;
  const { stride, padding, dilation, groups } = c.settings;
  const channel = Math.floor(f / (F / groups)) * c.p0.shape[2] + ch;
  for (let i = 0; i < Ho; i++) {
    const h = stride[0] * i + dilation[0] * p - padding[0][0];
    for (let j = 0; j < Wo; j++) {
      const w = stride[1] * j + dilation[1] * q - padding[1][0];
      const iy = (i * Wo + j) * F + f;
      const ix = (h * W + w) * channels + channel;
      if (h >= 0 && h < H && w >= 0 && w < W) account.add(c.x0.data[ix], c.dy.data[iy], ix, iy);
      else account.outside(c.dy.data[iy], iy);
    }
  }
  account.sum(Ho * Wo + 1);
}

function bias(c, at, account) {
  const [Ho, Wo, F] = c.y.shape;
  for (let pixel = 0; pixel < Ho * Wo; pixel++) account.plain(c.dy.data[pixel * F + at], pixel * F + at);
  account.sum(Ho * Wo + 1);
}

export const conv2d = {
  forward: { of: "y", a: "x0", b: "p0", run: forward, array: wholeForward },
  dx0: { of: "dx0", a: "dy", b: "p0", run: data, array: wholeData },
  dp0: { of: "dp0", a: "x0", b: "dy", run: weights, array: wholeWeights },
  dp1: { of: "dp1", a: "dy", run: bias },
};

/** Where a term's product stands in the small pictures of a window: [row, column, which picture]. */
export function windowPlace(passName, term, c) {
  const [p, q, ch, f] = placeOf(term.ib, c.p0.shape);
  return passName === "forward" ? [p, q, ch] : [p, q, f];
}

