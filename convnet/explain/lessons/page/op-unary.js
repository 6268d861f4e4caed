// Functions of one number: f(x), and dy times the slope f'(x). The bounds are those of kernels/verify/operations/unary.py.

import { smallest, unitOf } from "./rounding.js";

const DOUBLE = 2 ** -53;
const sigmoid = (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const bell = (x) => Math.exp(-Math.abs(x)) / (1 + Math.exp(-Math.abs(x))) ** 2;
const density = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const hold = (x, low, high) => (x < low ? low : x > high ? high : x);
const bend = (x) => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const bendSlope = (x) => 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);

/** Phi(x), the share of a normal distribution below x: a series near 0, a continued fraction far out. */
function normal(x) {
  const a = Math.abs(x);
  if (a > 40) return x < 0 ? 0 : 1;
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 80; n++) sum += term *= (x * x) / (2 * n + 1);
    return 0.5 + density(x) * sum;
  }
  let fraction = a;
  for (let n = 200; n > 0; n--) fraction = a + n / fraction;
  return x < 0 ? density(a) / fraction : 1 - density(a) / fraction;
}

/** A product in which a factor 0 wins, as the limit does, over an infinite one. */
const times = (a, b) => (b === 0 ? 0 : a * b);

// name -> [f, f', roundings of f, of f', the formula]; s: the function's numbers
const FUNCTIONS = {
  tanh: [Math.tanh, (x) => 4 * bell(2 * x), 6, 6, "tanh(x)"],
  rectify: [rectify, rectifySlope, 3, 3, "x > threshold ? min(x, max) : slope · (x − threshold)"],
  elu: [
    (x, s) => (x > 0 ? s.scale * x : s.scale * s.alpha * Math.expm1(x)),
    (x, s) => (x > 0 ? s.scale : s.scale * s.alpha * Math.exp(x)),
    4, 4, "x > 0 ? scale · x : scale · α · (exp(x) − 1)",
  ],
  gelu: [(x) => times(x, normal(x)), (x) => normal(x) + times(x, density(x)), 10, 10, "x · Φ(x)"],
  gelu_tanh: [
    (x) => times(x, sigmoid(bend(x))),
    (x) => sigmoid(bend(x)) + times(x * bendSlope(x), bell(bend(x))),
    6, 6, "x · sigmoid(2 √(2/π) (x + 0.044715 x³))",
  ],
  silu: [(x) => times(x, sigmoid(x)), (x) => sigmoid(x) + times(x, bell(x)), 6, 6, "x · sigmoid(x)"],
  softplus: [(x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), sigmoid, 6, 5, "log(1 + exp(x))"],
  softsign: [(x) => x / (1 + Math.abs(x)), (x) => 1 / (1 + Math.abs(x)) ** 2, 4, 6, "x / (1 + |x|)"],
  hard_sigmoid: [
    (x, s) => hold(s.alpha * x + s.beta, 0, 1),
    (x, s) => (s.alpha * x + s.beta > 0 && s.alpha * x + s.beta < 1 ? s.alpha : 0),
    3, 3, "α · x + β, between 0 and 1",
  ],
  hard_silu: [
    (x) => times(x, hold((x + 3) / 6, 0, 1)),
    (x) => (x >= 3 ? 1 : x <= -3 ? 0 : (2 * x + 3) / 6),
    4, 4, "x · (x + 3) / 6, between 0 and x",
  ],
  exponential: [Math.exp, Math.exp, 3, 3, "exp(x)"],
  clip: [(x, s) => hold(x, s.low, s.high), (x, s) => (x < s.low || x > s.high ? 0 : 1), 1, 1, "x, between low and high"],
};
const DEFAULTS = {
  rectify: { negative_slope: 0, max_value: Infinity, threshold: 0 },
  elu: { alpha: 1, scale: 1 },
  hard_sigmoid: { alpha: 1 / 6, beta: 0.5 },
  clip: { low: -Infinity, high: Infinity },
};

function rectify(x, s) {
  if (Number.isNaN(x)) return x;
  return Math.min(x > s.threshold ? x : times(x - s.threshold, s.negative_slope), s.max_value);
}

function rectifySlope(x, s) {
  if (x >= s.max_value && s.max_value < Infinity) return 0;
  return x > s.threshold ? 1 : s.negative_slope;
}

/** The magnitudes of the terms of f (which = 0) or f' (which = 1), added up. */
function magnitude(which, name, x, s) {
  const f = FUNCTIONS[name];
  const size = Math.abs(x);
  if (!which && name === "rectify" && !(x > s.threshold)) return Math.abs(s.negative_slope) * (size + Math.abs(s.threshold));
  if (!which && name === "hard_sigmoid") return Math.abs(s.alpha) * size + Math.abs(s.beta);
  if (!which && name === "hard_silu" && size < 3) return (size * (size + 3)) / 6;
  const result = Math.abs(f[which](x, s));
  if (!which || !["gelu", "gelu_tanh", "silu", "hard_silu"].includes(name)) return result;
  const factor = x === 0 ? f[1](x, s) : f[0](x, s) / x; // f(x) = x g(x): the slope is the sum of g(x) and x g'(x)
  return Math.abs(factor) + Math.abs(f[1](x, s) - factor);
}

/** How far the kernel's f or f' may be from the page's. */
function bound(which, name, x, s, dtype) {
  const left = x < 0 ? Math.min(-x, 40) : 0;
  const more = name === "gelu_tanh" ? 5 * (1.6 * left + 0.0714 * left ** 3) : 0;
  const m = FUNCTIONS[name][2 + which] + more + 2 * which; // dy times the slope
  const own = 4 + more + (name === "gelu" ? 2 * left ** 2 : 0);
  const least = smallest(dtype) * (m + 4) * (1 + Math.min(Math.abs(x), 1000));
  return 1.01 * (m * unitOf(dtype) + own * DOUBLE) * magnitude(which, name, x, s) + least;
}

function forward(c, at, account) {
  const [x, name] = [c.x0.data[at], c.settings.function];
  const s = { ...DEFAULTS[name], ...c.settings };
  const y = FUNCTIONS[name][0](x, s);
  account.plain(x, at);
  account.line(FUNCTIONS[name][4], y);
  account.result(y, bound(0, name, x, s, account.dtype));
}

function data(c, at, account) {
  const [x, name] = [c.x0.data[at], c.settings.function];
  const s = { ...DEFAULTS[name], ...c.settings };
  const slope = FUNCTIONS[name][1](x, s);
  account.add(c.dy.data[at], slope, at, -1);
  account.line("f′(x)", slope);
  const error = bound(1, name, x, s, account.dtype) * Math.abs(c.dy.data[at]) + smallest(account.dtype);
  account.result(account.total, error);
}

export const unary = {
  forward: { of: "y", a: "x0", run: forward, single: true },
  dx0: { of: "dx0", a: "dy", factor: "f′(x)", run: data, single: true },
};
