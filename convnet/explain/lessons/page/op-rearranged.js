// arithmetic, concatenate and resample: axes that are repeated, put together, or read at other places.

import { ofSum } from "./rounding.js";
import { flatOf, placeOf, sizeOf } from "./places.js";

const VALUES = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  maximum: (a, b) => (Number.isNaN(a) || a >= b ? a : b),
  minimum: (a, b) => (Number.isNaN(a) || a <= b ? a : b),
};
const SLOPES = {
  add: () => [1, 1],
  subtract: () => [1, -1],
  multiply: (a, b) => [b, a],
  divide: (a, b) => [1 / b, -a / (b * b)],
  maximum: (a, b) => (Number.isNaN(a) || a >= b ? [1, 0] : [0, 1]),
  minimum: (a, b) => (Number.isNaN(a) || a <= b ? [1, 0] : [0, 1]),
};

/** The two operands, in their order: an input and another, a parameter, or one fixed number. */
function operandsOf(c) {
  const { constant, reversed } = c.settings;
  const second = c.x1 ?? c.p0 ?? { shape: [1], data: [constant], known: () => true };
  return reversed ? [second, c.x0] : [c.x0, second];
}

/** The flat number in an array whose axes of length 1 are repeated. */
function repeated(place, shape) {
  const last = place.slice(place.length - shape.length);
  return flatOf(last.map((i, axis) => (shape[axis] === 1 ? 0 : i)), shape);
}

function arithmeticForward(c, at, account) {
  const [a, b] = operandsOf(c);
  const place = placeOf(at, c.y.shape);
  const [ia, ib] = [repeated(place, a.shape), repeated(place, b.shape)];
  const [first, second] = [a.data[ia], b.data[ib]];
  const [own, io, other] = c.settings.reversed ? [second, ib, first] : [first, ia, second];
  account.plain(own, io); // of x0, which the page shows beside y
  if (c.x1) account.also(c.x1, ib);
  account.line(c.settings.kind, other);
  const value = VALUES[c.settings.kind](first, second);
  account.result(value, c.settings.kind in { maximum: 1, minimum: 1 } ? 0 : ofSum(1, Math.abs(value), account.dtype));
}

const arithmeticData = (input) => (c, at, account) => {
  const operands = operandsOf(c);
  const which = c.settings.reversed ? 1 - input : input;
  const shape = operands[which].shape;
  const y = c.y.shape;
  const own = placeOf(at, shape);
  const ranges = y.map((n, axis) => (shape[axis] === 1 ? n : 1));
  for (let e = 0; e < sizeOf(ranges); e++) {
    const place = placeOf(e, ranges).map((i, axis) => (shape[axis] === 1 ? i : own[axis]));
    const [a, b] = operands.map((v) => v.data[repeated(place, v.shape)]);
    const iy = flatOf(place, y);
    account.add(c.dy.data[iy], SLOPES[c.settings.kind](a, b)[which], iy, -1);
  }
  account.sum(sizeOf(ranges) + 4);
};

/** Where the part of input n begins along the axis of a sample. */
const startOf = (c, n, axis) =>
  Array.from({ length: n }, (_, i) => c[`x${i}`].shape[axis]).reduce((sum, length) => sum + length, 0);

function concatenateForward(c, at, account) {
  const axis = c.settings.axis - 1;
  const place = placeOf(at, c.y.shape);
  let n = 0;
  while (place[axis] >= startOf(c, n + 1, axis)) n++;
  const x = c[`x${n}`];
  place[axis] -= startOf(c, n, axis);
  const ix = flatOf(place, x.shape);
  account.plain(x.data[ix], n === 0 ? ix : -1, `x${n}`);
  account.result(x.data[ix], 0);
}

const concatenateData = (n) => (c, at, account) => {
  const axis = c.settings.axis - 1;
  const place = placeOf(at, c[`x${n}`].shape);
  place[axis] += startOf(c, n, axis);
  const iy = flatOf(place, c.y.shape);
  account.plain(c.dy.data[iy], iy);
  account.result(c.dy.data[iy], 0);
};

/** Every choice of one entry from each list. */
const choices = (lists) => lists.reduce((found, list) => found.flatMap((f) => list.map((entry) => [...f, entry])), [[]]);

function weighted(tensor, shape, lists, account) {
  for (const chosen of choices(lists)) {
    const weight = chosen.reduce((product, [, w]) => product * w, 1);
    const place = flatOf(chosen.map(([i]) => i), shape);
    account.add(tensor.data[place], weight, place, -1);
  }
}

function resampleForward(c, at, account) {
  const lists = placeOf(at, c.y.shape).map((i, axis) => c.settings.taps[axis + 1]?.[i] ?? [[i, 1]]);
  if (lists.some((list) => list.length === 0)) {
    account.line("fill", Number(c.settings.fill));
    account.result(Number(c.settings.fill), 0);
    return;
  }
  weighted(c.x0, c.x0.shape, lists, account);
  account.sum(2 ** lists.filter((_, axis) => c.settings.taps[axis + 1]).length + 4);
}

function resampleData(c, at, account) {
  let longest = 1;
  const lists = placeOf(at, c.x0.shape).map((i, axis) => {
    const taps = c.settings.taps[axis + 1];
    if (!taps) return [[i, 1]];
    const readers = new Array(c.x0.shape[axis]).fill(0);
    for (const pairs of taps) for (const [place] of pairs) readers[place]++;
    longest *= Math.max(1, ...readers);
    return taps.flatMap((pairs, j) => pairs.filter(([place]) => place === i).map(([, w]) => [j, w]));
  });
  weighted(c.dy, c.y.shape, lists, account);
  account.sum(longest + 4);
}

export const arithmetic = {
  forward: { of: "y", a: "x0", run: arithmeticForward, single: true },
  dx0: { of: "dx0", a: "dy", factor: "∂y / ∂x", run: arithmeticData(0) },
  dx1: { of: "dx1", a: "dy", factor: "∂y / ∂x", run: arithmeticData(1) },
};
const parts = Array.from({ length: 64 }, (_, n) => [
  `dx${n}`,
  { of: `dx${n}`, a: "dy", run: concatenateData(n), single: true },
]);
export const concatenate = {
  forward: { of: "y", a: "x0", run: concatenateForward, single: true },
  ...Object.fromEntries(parts),
};
export const resample = {
  forward: { of: "y", a: "x0", factor: "u · v", run: resampleForward },
  dx0: { of: "dx0", a: "dy", factor: "u · v", run: resampleData },
};
