// The account of one number on the page: pictures of the window, the running sum, the terms, and the kernel's number.

import { cell, full, short, small } from "./format.js";
import { el, svg } from "./dom.js";
import { letter } from "./names.js";
import { patches } from "./patches.js";
import { placeOf } from "./places.js";
import { t } from "./i18n.js";

const FIRST = 24; // terms shown before "show all"
const size = (term) => Math.abs(term.product);

/** The line that holds the page's number against the kernel's. */
export function checkLine(account, tensor, at, dtype, other = false) {
  if (!tensor.known(at) || !account.sure) return el("p", { class: "check none" }, t(other ? "check.other" : "check.none"));
  const kernel = tensor.data[at];
  const difference = Math.abs(account.value - kernel);
  const good = difference <= account.bound;
  return el(
    "p",
    {
      class: `check ${good ? "ok" : "bad"}`,
      role: "status",
      "data-shown": account.value,
      "data-kernel": kernel,
      "data-bound": account.bound,
    },
    t(good ? "check.ok" : "check.bad", full(kernel, dtype), dtype, small(difference), small(account.bound)),
  );
}

/** A line of steps from the first partial sum to the last. */
function chart(account) {
  const totals = account.terms.map((term) => term.total);
  const start = account.start ?? 0;
  const [low, high] = [Math.min(start, 0, ...totals), Math.max(start, 0, ...totals)];
  const [W, H] = [600, 110];
  const x = (i) => (i / totals.length) * W;
  const y = (v) => H - 8 - ((v - low) / (high - low || 1)) * (H - 16);
  let path = `M 0 ${y(start)}`;
  totals.forEach((v, i) => (path += ` H ${x(i + 1)} V ${y(v)}`));
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", "aria-label": t("sum.chart", totals.length, short(start), short(totals[totals.length - 1])) },
    svg("line", { x1: 0, x2: W, y1: y(0), y2: y(0), class: "zero" }),
    svg("path", { d: path, "vector-effect": "non-scaling-stroke" }),
  );
}

/** Name of a factor: the cell of its array, or the number's own formula. */
function factor(c, step, name, at, shown) {
  if (at < 0 || !name) return shown ?? "";
  const text = cell(letter(step.operation, name), placeOf(at, c[name].shape));
  return shown ? `${shown}[${placeOf(at, c[name].shape).join(", ")}]` : text;
}

function table(view) {
  const { account, c, step, pass, focus, onFocus } = view;
  const products = account.terms.some((term) => term.b !== null);
  const order = account.terms.map((_, i) => i);
  const body = el("tbody");
  const by = pass.choice ? (term) => term.a : size;
  let [sorted, limit] = [false, FIRST];
  const second = (i) => (pass.second && i === 1 ? pass.second : pass.a); // a sum of two arrays
  const choose = (i) => {
    onFocus(i);
    document.querySelector(`.terms [data-term="${i}"] button`)?.focus({ preventScroll: true }); // the rows were made anew
  };
  const row = (i) => {
    const term = account.terms[i];
    const cells = [
      el("td", {}, el("button", { type: "button", class: "row-button", "aria-pressed": i === focus, "aria-label": t("sum.term", i + 1), onclick: (event) => { event.stopPropagation(); choose(i); } }, i + 1)),
      el("td", { class: "cell" }, term.padding ? "0" : (term.name ?? factor(c, step, second(i), term.ia, pass.shown ? `${pass.shown} ` : null))),
      el("td", {}, short(term.a)),
    ];
    if (products)
      cells.push(el("td", { class: "cell" }, term.ib < 0 ? (pass.factor ?? "") : factor(c, step, pass.b, term.ib, pass.shownB)), el("td", {}, short(term.b)), el("td", { "data-guess": term.product, "data-part": "product" }, short(term.product)));
    cells.push(el("td", {}, sorted ? "" : short(term.total)));
    const made = el("tr", { class: [i === focus ? "focus" : "", term.padding ? "padding" : "", account.chosen !== null && term.ia === account.chosen ? "chosen" : ""].join(" ").trim() || null, "data-term": i, onclick: () => choose(i) }, ...cells);
    made.found = { account: term };
    return made;
  };
  const fill = () => {
    const list = sorted ? [...order].sort((i, j) => by(account.terms[j]) - by(account.terms[i])) : order;
    const start = account.start === null || sorted ? [] : [el("tr", { class: "start" }, el("td"), el("td", { class: "cell", colspan: products ? 4 : 1 }, t("sum.bias", view.biasPlace)), el("td", {}, short(account.start)), el("td", {}, short(account.start)))];
    const far = list.indexOf(focus) >= limit; // the term in focus is shown in any case
    const gap = far ? [el("tr", { class: "padding" }, el("td", {}, "⋯")), row(focus)] : [];
    body.replaceChildren(...start, ...list.slice(0, limit).map(row), ...gap);
    more.hidden = list.length <= limit;
  };
  const more = el("button", { type: "button", class: "quiet", onclick: () => { limit = Infinity; fill(); } }, t("sum.all", order.length));
  const sorter = el("label", { class: "quiet" }, el("input", { type: "checkbox", onchange: (event) => { sorted = event.target.checked; fill(); } }), ` ${t("sum.largest")}`);
  fill();
  const head = el("tr", {}, el("th", {}, "#"), el("th", { colspan: 2 }, factorHead(step, pass, "a")), products && el("th", { colspan: 2 }, factorHead(step, pass, "b")), products && el("th", {}, t("sum.product")), el("th", {}, t(pass.choice ? "sum.leading" : "sum.running")));
  return el("div", { class: "terms" }, order.length > 3 && el("p", { class: "tools" }, sorter), el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t(pass.choice ? "table.compared" : "table.caption") }, el("table", {}, el("thead", {}, head), body)), more);
}

const factorHead = (step, pass, side) => {
  const own = side === "a" ? pass.shown : pass.b ? pass.shownB : pass.factor;
  return own ?? (pass[side] ? letter(step.operation, pass[side]) + (side === "a" && pass.second ? `, ${letter(step.operation, pass.second)}` : "") : "");
};

/** What kind of calculation it is: a sum only if its result is the sum of its terms. */
function headingOf(account, pass) {
  if (account.terms.length < 2) return t("sum.one");
  if (pass.choice) return t("sum.choice");
  return t(account.value === account.total ? "sum.title" : "sum.steps");
}

/** Everything about one number. view: {account, c, step, pass, passName, at, dtype, focus, onFocus, ...}. */
export function sumView(view) {
  const { account, c, step, pass, at, dtype } = view;
  const tensor = c[pass.of];
  const name = cell(letter(step.operation, pass.of), placeOf(at, tensor.shape));
  const padded = account.terms.filter((term) => term.padding).length;
  const count = account.terms.length - padded;
  const several = account.terms.length > 1;
  view.biasPlace = placeOf(at, tensor.shape).at(-1);
  const section = el(
    "section",
    { class: "sum" },
    el("h4", {}, headingOf(account, pass)),
    el("p", { class: "result" }, el("span", {}, name), " = ", el("b", { "data-guess": account.value, "data-part": "sum" }, short(account.value)), several && el("small", {}, ` ${t(pass.choice ? "sum.compared" : "sum.terms", count)}`, padded ? `; ${t("sum.padding", padded)}` : "")),
    checkLine(account, tensor, at, dtype, view.other),
    !account.terms.length && !account.lines.length && el("p", {}, t("sum.none")),
    el(
      "div",
      { class: "sides" },
      el(
        "div",
        {},
        patches(view),
        account.terms.length > 2 && !pass.choice && chart(account),
        account.lines.length > 0 && el("dl", { class: "lines" }, ...account.lines.flatMap(({ text, value }) => [el("dt", {}, text), el("dd", {}, short(value))])),
        ...(view.after ?? []),
      ),
      account.terms.length > 0 && table(view),
    ),
  );
  section.found = { account };
  return section;
}
