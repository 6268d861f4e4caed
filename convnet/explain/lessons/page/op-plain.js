// dropout, add and reshape: each number by itself.

import { ofSum } from "./rounding.js";
import { wordOf } from "./philox.js";

/** Is element e kept? Its word must not lie below rate * 2^32. */
function kept(c, e, account) {
  const { rate, seed, step } = c.settings;
  const word = wordOf(e, seed, step);
  account.line("word / 2³²", word / 2 ** 32);
  account.line("rate", rate);
  return word >= Math.round(rate * 2 ** 32) ? 1 : 0;
}

const drop = (source) => (c, at, account) => {
  account.add(c[source].data[at], kept(c, at, account) / (1 - c.settings.rate), at, -1);
  account.sum(3);
};

function addForward(c, at, account) {
  account.plain(c.x0.data[at], at);
  account.plain(c.x1.data[at], at);
  account.result(account.total, ofSum(1, Math.abs(account.total), account.dtype));
}

/** A number passed on as it is. */
const copy = (source) => (c, at, account) => {
  account.plain(c[source].data[at], at);
  account.result(c[source].data[at], 0);
};

export const dropout = {
  forward: { of: "y", a: "x0", factor: "kept / (1 − rate)", run: drop("x0"), single: true },
  dx0: { of: "dx0", a: "dy", factor: "kept / (1 − rate)", run: drop("dy"), single: true },
};
export const add = {
  forward: { of: "y", a: "x0", second: "x1", run: addForward },
  dx0: { of: "dx0", a: "dy", run: copy("dy"), single: true },
  dx1: { of: "dx1", a: "dy", run: copy("dy"), single: true },
};
export const reshape = {
  forward: { of: "y", a: "x0", run: copy("x0"), single: true },
  dx0: { of: "dx0", a: "dy", run: copy("dy"), single: true },
};
