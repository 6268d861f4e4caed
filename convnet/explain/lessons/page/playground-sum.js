// One number of the network and the sum that made it, side by side: pixels, kernel, products, and the result.

import { Account } from "./account.js";
import { cell, short } from "./format.js";
import { el } from "./dom.js";
import { flyInto } from "./fly.js";
import { groups } from "./patches.js";
import { numbers } from "./picture.js";
import { operations } from "./operations.js";
import { placeOf } from "./places.js";
import { t } from "./i18n.js";

const COLUMNS = 4; // of a dense layer's terms

const line = (sign, text, shown) => el("tr", {}, el("td", {}, sign), el("th", { scope: "row" }, text), el("td", {}, shown));
const top = (table) => Math.max(...table.flat().map((v) => Math.abs(v ?? 0))) || 1;

/** The account of one number of a stage, and what its activation makes of it: {account, c, step, at, value}. */
export function accountOf(network, values, weights, stage, at) {
  const step = network.steps[stage.made];
  const c = network.ready(stage.made, network.own(stage.made, values, weights));
  const account = new Account("float64");
  operations[step.operation].forward.run(c, at, account);
  const then = stage.then === null ? null : network.steps[stage.then];
  return { account, c, step, at, then, value: values[stage.value].data[at] };
}

/** Lists of terms as tables: [{title, a, b, product, sum}], the largest first. */
function tablesOf({ account, c, step }) {
  if (step.operation === "conv2d") return groups({ account, c, passName: "forward" }).sort((g, h) => Math.abs(h.sum) - Math.abs(g.sum)).map((g) => ({ ...g, title: c.p0.shape[2] > 1 ? `${t("channel")} ${g.group}` : "" }));
  const { terms } = account;
  const cols = Math.max(COLUMNS, Math.ceil(Math.sqrt(terms.length)));
  const rows = (pick) => Array.from({ length: Math.ceil(terms.length / cols) }, (_, r) => Array.from({ length: cols }, (_, n) => (terms[r * cols + n] ? pick(terms[r * cols + n]) : null)));
  return [{ title: "", a: rows((term) => term.a), b: rows((term) => term.b), product: rows((term) => term.product), sum: account.total - (account.start ?? 0) }];
}

export class SumStrip {
  constructor(tools) {
    this.name = el("p", { class: "strip-name" });
    this.body = el("div", { class: "strip-body" });
    this.element = el("section", { class: "strip", "aria-label": t("strip.label"), "data-tour": "sum" }, el("header", {}, this.name, tools), this.body);
  }

  /** found: of `accountOf`; photo: x is the image itself; page: which channel's terms, the strongest being 0. */
  show(found, name, photo, page = 0) {
    this.stop?.();
    this.found = found;
    this.page = page;
    this.pages = 1;
    const { account, c, step, at } = found;
    const place = cell("y", placeOf(at, c.y.shape));
    this.name.replaceChildren(el("b", {}, name), ` ${place}`);
    this.more = [];
    this.body.replaceChildren(
      step.operation === "maxpool2d" ? this.window() : account.terms.some((term) => term.b !== null) ? this.products(photo) : "",
      this.result(),
    );
  }

  products(photo) {
    const all = tablesOf(this.found);
    this.pages = all.length;
    const g = all[this.page];
    const figure = (table, options) => numbers(table, top(table), options);
    const rest = all.filter((each) => each !== g);
    this.more = rest.length ? [line("", g.title, short(g.sum)), line("+", t("strip.more", rest.length), short(rest.reduce((sum, each) => sum + each.sum, 0)))] : [];
    return el("div", { class: "trio" },
      el("figure", { "data-tour": "x" }, figure(g.a, { photo, label: "x" }), el("figcaption", {}, "x")), el("span", { class: "sign" }, "×"),
      el("figure", { "data-tour": "k" }, figure(g.b, { label: "k" }), el("figcaption", {}, "k")), el("span", { class: "sign" }, "="),
      el("figure", { class: "products", "data-tour": "products" }, figure(g.product, { label: t("sum.product") }), el("figcaption", {}, t("strip.products"))));
  }

  window() {
    const { account, c } = this.found;
    const places = account.terms.map((term) => placeOf(term.ia, c.x0.shape));
    const [top0, left] = [Math.min(...places.map((p) => p[0])), Math.min(...places.map((p) => p[1]))];
    const table = [];
    places.forEach(([h, w], n) => ((table[h - top0] ??= [])[w - left] = account.terms[n].a));
    const marked = placeOf(account.chosen, c.x0.shape);
    const picture = numbers(table, top(table), { marked: [marked[0] - top0, marked[1] - left], label: "x" });
    return el("div", { class: "trio" }, el("figure", { class: "products" }, picture, el("figcaption", {}, t("strip.largest"))));
  }

  /** Σ, + b, = z, and what the activation makes of it: one below the other, every number to be guessed. */
  result() {
    const { account, c, step, at, then, value } = this.found;
    const number = (v, part) => el("b", { class: "num", "data-guess": v, "data-part": part, "data-tour": part }, short(v));
    const y = cell("y", placeOf(at, c.y.shape));
    this.total = number(account.value, "sum");
    const chosen = account.chosen !== null;
    const biased = account.start !== null;
    const lines = biased ? [line(this.more.length ? "=" : "", t("strip.products.sum"), number(account.total - account.start, "products")), line("+", t("strip.bias"), number(account.start, "bias"))] : [];
    lines.push(line("=", chosen ? t("strip.most") : then ? t("strip.sum") : y, this.total));
    if (then) lines.push(line("→", t(`strip.${then.operation}`, y), number(value, "activation")));
    this.line = el("table", { class: "strip-result" }, el("tbody", {}, ...this.more, ...lines));
    this.line.found = this.found;
    return this.line;
  }

  /** The products fly into the sum. */
  fly(done) {
    const cells = [...this.body.querySelectorAll(".products text")];
    this.stop = flyInto(this.element, cells, this.total, () => {
      this.total.classList.remove("bump");
      void this.total.offsetWidth; // begins the animation anew
      this.total.classList.add("bump");
      done?.();
    });
  }
}
