// Max, average and global average pooling, one number at a time.

import { cell } from "./format.js";
import { gamma, ofSum, smallest, unitOf, wide } from "./rounding.js";
import { placeOf, windowsOver } from "./places.js";
import { maxData as wholeMaxData, maxForward as wholeMaxForward } from "./whole-plain.js";
import { t } from "./i18n.js";

const ONE = [1, 1];
const FEW = 64; // pixels of a window that kernels sum in the array's own type; more are summed in float64

/** The flat numbers of a window's pixels that lie inside the image, row by row. */
function pixels(c, i, j, channel) {
  const [H, W, C] = c.x0.shape;
  const { size, stride, padding } = c.settings;
  const found = [];
  for (let p = 0; p < size[0]; p++)
    for (let q = 0; q < size[1]; q++) {
      const h = stride[0] * i + p - padding[0][0];
      const w = stride[1] * j + q - padding[1][0];
      if (h >= 0 && h < H && w >= 0 && w < W) found.push((h * W + w) * C + channel);
    }
  return found;
}

/** The windows over pixel (h, w). */
function windows(c, h, w) {
  const { size, stride, padding } = c.settings;
  const across = windowsOver(w, c.y.shape[1], size[1], stride[1], padding[1][0], ONE[1]);
  return windowsOver(h, c.y.shape[0], size[0], stride[0], padding[0][0], ONE[0]).flatMap(([i]) =>
    across.map(([j]) => [i, j]),
  );
}

/** The first largest of the pixels: a tie goes to the first in row order. */
function largest(c, places) {
  let best = places[0];
  for (const place of places) if (c.x0.data[place] > c.x0.data[best]) best = place;
  return best;
}

function maxForward(c, at, account) {
  const places = pixels(c, ...placeOf(at, c.y.shape));
  places.forEach((place, n) => account.compare(c.x0.data[place], place, c.x0.data[largest(c, places.slice(0, n + 1))]));
  account.chosen = largest(c, places);
  account.result(c.x0.data[account.chosen], 0); // a copy: nothing is rounded
}

function maxData(c, at, account) {
  const [h, w, channel] = placeOf(at, c.x0.shape);
  const [, Wo, C] = c.y.shape;
  for (const [i, j] of windows(c, h, w)) {
    const iy = (i * Wo + j) * C + channel;
    const places = pixels(c, i, j, channel);
    for (const place of places) account.also(c.x0, place);
    const winner = largest(c, places);
    account.add(c.dy.data[iy], winner === at ? 1 : 0, iy, -1);
    account.line(t("pool.window", cell("y", [i, j, channel]), cell("x", placeOf(winner, c.x0.shape))), c.x0.data[winner]);
  }
  account.sum(c.settings.size[0] * c.settings.size[1] + 1);
}

function mean(account, count, bound) {
  account.line(`Σ / ${count}`, account.total / count);
  account.result(account.total / count, bound(account.magnitude / count));
}

/** The bound of a mean of so many pixels in float64, of which `own` roundings are in the array's type. */
const wideMean = (dtype, count, own) => (magnitude) =>
  (wide(count, own, unitOf(dtype)) + gamma(count + 1, unitOf("float64"))) * magnitude + smallest(dtype) * (own + 1);

function averageForward(c, at, account) {
  const places = pixels(c, ...placeOf(at, c.y.shape));
  for (const place of places) account.plain(c.x0.data[place], place);
  const most = c.settings.size[0] * c.settings.size[1];
  const few = (magnitude) => ofSum(most + 1, magnitude, account.dtype);
  mean(account, places.length, most > FEW ? wideMean(account.dtype, most, FEW + 1) : few);
}

function averageData(c, at, account) {
  const [h, w, channel] = placeOf(at, c.x0.shape);
  const [, Wo, C] = c.y.shape;
  for (const [i, j] of windows(c, h, w)) {
    const iy = (i * Wo + j) * C + channel;
    account.add(c.dy.data[iy], 1 / pixels(c, i, j, channel).length, iy, -1);
  }
  account.sum(c.settings.size[0] * c.settings.size[1] + 1);
}

function globalForward(c, channel, account) {
  const [H, W, C] = c.x0.shape;
  for (let pixel = 0; pixel < H * W; pixel++) account.plain(c.x0.data[pixel * C + channel], pixel * C + channel);
  mean(account, H * W, wideMean(account.dtype, H * W, 4));
}

function globalData(c, at, account) {
  const [H, W, C] = c.x0.shape;
  account.add(c.dy.data[at % C], 1 / (H * W), at % C, -1);
  account.sum(2);
}

export const maxpool2d = {
  forward: { of: "y", a: "x0", run: maxForward, array: wholeMaxForward, choice: true },
  dx0: { of: "dx0", a: "dy", look: "x0", factor: "argmax", run: maxData, array: wholeMaxData },
};
export const avgpool2d = {
  forward: { of: "y", a: "x0", run: averageForward },
  dx0: { of: "dx0", a: "dy", factor: "1/R", run: averageData },
};
export const globalavgpool = {
  forward: { of: "y", a: "x0", run: globalForward },
  dx0: { of: "dx0", a: "dy", factor: "1/HW", run: globalData },
};
