// Max, average and global average pooling, one number at a time.

import { ofSum } from "./rounding.js";
import { placeOf, windowsOver } from "./places.js";

const ONE = [1, 1];

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
  for (const place of places) account.plain(c.x0.data[place], place);
  account.chosen = largest(c, places);
  account.line("max", c.x0.data[account.chosen]);
  account.result(c.x0.data[account.chosen], 0); // a copy: nothing is rounded
}

function maxData(c, at, account) {
  const [h, w, channel] = placeOf(at, c.x0.shape);
  const [, Wo, C] = c.y.shape;
  for (const [i, j] of windows(c, h, w)) {
    const iy = (i * Wo + j) * C + channel;
    const places = pixels(c, i, j, channel);
    for (const place of places) account.also(c.x0, place);
    account.add(c.dy.data[iy], largest(c, places) === at ? 1 : 0, iy, -1);
  }
  account.sum(c.settings.size[0] * c.settings.size[1] + 1);
}

function mean(account, count, m) {
  account.line(`Σ / ${count}`, account.total / count);
  account.result(account.total / count, ofSum(m, account.magnitude / count, account.dtype));
}

function averageForward(c, at, account) {
  const places = pixels(c, ...placeOf(at, c.y.shape));
  for (const place of places) account.plain(c.x0.data[place], place);
  mean(account, places.length, c.settings.size[0] * c.settings.size[1] + 1);
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
  mean(account, H * W, H * W + 1);
}

function globalData(c, at, account) {
  const [H, W, C] = c.x0.shape;
  account.add(c.dy.data[at % C], 1 / (H * W), at % C, -1);
  account.sum(2);
}

export const maxpool2d = {
  forward: { of: "y", a: "x0", run: maxForward, choice: true },
  dx0: { of: "dx0", a: "dy", factor: "argmax", run: maxData },
};
export const avgpool2d = {
  forward: { of: "y", a: "x0", run: averageForward },
  dx0: { of: "dx0", a: "dy", factor: "1/R", run: averageData },
};
export const globalavgpool = {
  forward: { of: "y", a: "x0", run: globalForward },
  dx0: { of: "dx0", a: "dy", factor: "1/HW", run: globalData },
};
