// Small tables of a window's numbers: pixels, kernel, products, one set a channel or filter.

import { el } from "./dom.js";
import { letter } from "./names.js";
import { numbers } from "./picture.js";
import { placeOf } from "./places.js";
import { short } from "./format.js";
import { t } from "./i18n.js";
import { windowPlace } from "./op-conv2d.js";

const SHOWN = 3;
const LARGEST_JACOBIAN = 12;

const emptyTable = (rows, cols) => Array.from({ length: rows }, () => new Array(cols).fill(null));

/** A convolution's terms by channel (forward) or filter (backward). */
export function groups(view) {
  const { account, c, passName } = view;
  const [P, Q] = c.p0.shape;
  const found = new Map();
  account.terms.forEach((term, i) => {
    const [p, q, group] = windowPlace(passName, term, c);
    if (!found.has(group)) found.set(group, { group, a: emptyTable(P, Q), b: emptyTable(P, Q), product: emptyTable(P, Q), sum: 0, best: i });
    const entry = found.get(group);
    entry.a[p][q] = term.a;
    entry.b[p][q] = term.b;
    entry.product[p][q] = term.product;
    entry.sum += term.product;
    if (Math.abs(term.product) > Math.abs(account.terms[entry.best].product)) entry.best = i;
  });
  return [...found.values()];
}

const top = (table) => Math.max(...table.flat().map((v) => Math.abs(v ?? 0))) || 1;

function convolution(view) {
  const { step, pass, passName, photo, onFocus } = view;
  const all = groups(view).sort((g, h) => Math.abs(h.sum) - Math.abs(g.sum));
  if (!all.length || view.c.p0.shape[0] * view.c.p0.shape[1] > 81) return null;
  const [a, b] = [letter(step.operation, pass.a), letter(step.operation, pass.b)];
  const choose = (g) => {
    onFocus(g.best);
    document.querySelector(`.patch [data-group="${g.group}"]`)?.focus({ preventScroll: true }); // the cards were made anew
  };
  const card = (g) =>
    el(
      "div",
      { class: "patch", onclick: () => choose(g) },
      el("h5", {}, el("button", { type: "button", class: "row-button", "data-group": g.group, onclick: (event) => { event.stopPropagation(); choose(g); } }, t("patch.of", t(passName === "forward" ? "channel" : "filter"), g.group))),
      el(
        "div",
        { class: "product" },
        el("figure", {}, numbers(g.a, top(g.a), { photo, label: a }), el("figcaption", {}, a)),
        el("span", {}, "⊙"),
        el("figure", {}, numbers(g.b, top(g.b), { label: b }), el("figcaption", {}, b)),
        el("span", {}, "="),
        el("figure", {}, numbers(g.product, top(g.product), { label: t("sum.product") }), el("figcaption", {}, `Σ = ${short(g.sum)}`)),
      ),
    );
  const list = el("div", { class: "patches" }, ...all.slice(0, SHOWN).map(card));
  const more = el("button", { type: "button", class: "quiet", onclick: () => { list.append(...all.slice(SHOWN).map(card)); more.remove(); } }, t("patch.more", all.length));
  return el("div", {}, all.length > 1 && el("p", { class: "hint" }, t("patch.largest")), list, all.length > SHOWN && more);
}

/** A pooling window's numbers, and the place of the largest among them. */
export function poolTable({ account, c }) {
  const places = account.terms.map((term) => placeOf(term.ia, c.x0.shape));
  const [top0, left] = [Math.min(...places.map((p) => p[0])), Math.min(...places.map((p) => p[1]))];
  const [rows, cols] = [Math.max(...places.map((p) => p[0])) - top0 + 1, Math.max(...places.map((p) => p[1])) - left + 1];
  const table = emptyTable(rows, cols);
  places.forEach(([h, w], i) => (table[h - top0][w - left] = account.terms[i].a));
  const chosen = account.chosen === null ? null : placeOf(account.chosen, c.x0.shape);
  return { table, marked: chosen && [chosen[0] - top0, chosen[1] - left] };
}

function jacobian(view) {
  const K = view.c.y.shape.at(-1);
  if (K > LARGEST_JACOBIAN) return null;
  const own = view.at % K; // a map has one softmax a pixel
  const y = view.c.y.data.slice(view.at - own, view.at - own + K);
  const table = Array.from({ length: K }, (_, k) => Array.from({ length: K }, (_, j) => y[k] * ((j === k ? 1 : 0) - y[j])));
  const picture = numbers(table, top(table), { label: "J" });
  const frame = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ x: 0, y: own, width: K, height: 1, class: "row-frame" })) frame.setAttribute(name, value);
  picture.append(frame);
  const fused = view.fused === undefined ? null : el("p", { class: "hint" }, t("fused", short(view.fused)));
  return el("div", {}, el("p", { class: "hint" }, t("jacobian")), el("div", { class: "patches jacobian" }, picture), fused);
}

export function patches(view) {
  const { step, passName } = view;
  if (step.operation === "conv2d" && (passName === "forward" || passName === "dx0")) return convolution(view);
  if (step.operation === "softmax" && passName === "dx0") return jacobian(view);
  return null;
}
