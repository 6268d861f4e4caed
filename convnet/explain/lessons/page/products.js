// What stands between x and y: the window's numbers, their products with k, and below these the sum.

import { dims, short } from "./format.js";
import { el } from "./dom.js";
import { groups, poolTable } from "./patches.js";
import { help } from "./glossary.js";
import { letter } from "./names.js";
import { numbers } from "./picture.js";
import { Panel } from "./panel.js";
import { placeOf, sizeOf } from "./places.js";
import { t } from "./i18n.js";
import { windowPlace } from "./op-conv2d.js";

const ROOM = 7; // rows and columns of a window whose numbers can still be read

/** Which of the two a pass has: "window", "products". */
export function between(step, passName, c) {
  const { operation, settings } = step;
  const forward = passName === "forward";
  if (operation === "conv2d" && (forward || passName === "dx0")) return Math.max(...c.p0.shape.slice(0, 2)) <= ROOM ? ["window", "products"] : [];
  if ((operation === "maxpool2d" || operation === "avgpool2d") && forward) return Math.max(...settings.size) <= ROOM ? ["window"] : [];
  if ((operation === "conv2d" && passName === "dp0") || (operation === "dense" && (forward || passName === "dx0"))) return ["products"];
  return [];
}

const top = (table) => Math.max(...table.flat().map((v) => Math.abs(v ?? 0))) || 1;

function line(sign, text, value, strong = false) {
  return el("tr", { class: strong ? "total" : null }, el("td", {}, sign), el("th", { scope: "row" }, text), el("td", {}, el(strong ? "b" : "span", { "data-guess": value }, short(value))));
}

function figure(word, title, role, table, options) {
  const picture = numbers(table, top(table), { ...options, label: `${title} ${role}` });
  const head = help(el("h4", {}, el("i", {}, title), ` ${role}`), word);
  return el("section", { class: "panel small", "data-tour": word }, head, el("div", { class: "picture plain", style: `--cols:${table[0].length};--rows:${table.length}` }, picture));
}

/** Products of many terms, each where its factor stands in an image or a vector of this shape. */
function spread({ account, focus }, title, shape, placeOfTerm) {
  const data = new Float64Array(sizeOf(shape));
  for (const term of account.terms) data[placeOfTerm(term)] = term.product;
  const panel = new Panel({ tensor: { shape, data, known: () => true }, name: "products", title, role: t("strip.products"), sliced: () => {} });
  panel.update({ focus: placeOfTerm(account.terms[focus]) });
  panel.element.classList.add("products");
  return panel.element;
}

/** The sum, from the products to the result; own: of the channel that is shown, count: of how many. */
function sumLines(view, { own, name, count, kind }) {
  const { account, c, step, pass } = view;
  const y = `${letter(step.operation, pass.of)}[${placeOf(view.at, c[pass.of].shape).join(", ")}]`;
  const start = account.start ?? 0;
  const biased = account.start !== null;
  const lines = [
    line("", name, own),
    count > 1 && line("+", t("products.rest", count - 1, kind), account.total - start - own),
    biased && line("+", t("strip.bias"), start),
    (count > 1 || biased) && line("=", y, account.value, true),
  ];
  return el("table", { class: "sum-lines" }, el("tbody", {}, ...lines.filter(Boolean)));
}

function convolution(view) {
  const { account, c, step, pass, passName, focus, photo } = view;
  const chosen = windowPlace(passName, account.terms[focus], c)[2];
  const all = groups(view);
  const own = all.find((each) => each.group === chosen);
  const a = letter(step.operation, pass.a);
  const kind = t(passName === "forward" ? "channel" : "filter");
  const products = figure("products", `${a} · k`, t("strip.products"), own.product);
  products.append(sumLines(view, { own: own.sum, name: all.length > 1 ? t("products.of", kind, chosen) : t("products.sum"), count: all.length, kind }));
  return { window: figure("window", a, t(passName === "forward" ? "products.window" : "products.turned"), own.a, { photo }), products };
}

function manyProducts(view) {
  const { account, c, step, pass, passName } = view;
  const kernel = passName === "dp0";
  const shape = kernel ? [...c.dy.shape.slice(0, 2), 1] : c[pass.a].shape;
  const filters = c.dy?.shape.at(-1);
  const products = spread(view, kernel ? "x · dy" : `${letter(step.operation, pass.a)} · k`, shape, kernel ? (term) => Math.floor(term.ib / filters) : (term) => term.ia);
  products.append(sumLines(view, { own: account.total - (account.start ?? 0), name: t("products.sum"), count: 1 }));
  return { products };
}

/** The elements of `between`; empty ones for a number that no window reads. */
export function betweenOf(view) {
  const { account, step, passName } = view;
  const names = between(step, passName, view.c);
  if (!names.length) return {};
  if (!account.terms[view.focus]) return Object.fromEntries(names.map((name) => [name, el("section", { class: "panel small" })]));
  if (names.length === 2) return convolution(view);
  if (names[0] === "products") return manyProducts(view);
  const { table, marked } = poolTable(view);
  const role = `${t("products.window")} ${dims(step.settings.size)}`;
  return { window: figure("window", "x", role, table, { marked, photo: view.photo }) };
}
