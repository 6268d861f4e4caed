// The formula, typeset, and the lines of code that compute it: the reference's and the fast kernel's.

import { el } from "./dom.js";
import { t } from "./i18n.js";

function excerpt(title, source) {
  const lines = source.text.split("\n").map((line, i) => {
    const number = source.numbers[i];
    return el("span", { class: number === source.line ? "line here" : "line", "data-n": number }, `${line}\n`);
  });
  const block = el("pre", { tabindex: 0 }, el("code", {}, ...lines));
  return el("section", {}, el("h5", {}, `${title} `, el("code", {}, `${source.file}:${source.line}`)), block);
}

/** The formula as it is read first: stride 1, no padding, one channel; where there is none, the whole one. */
export const formulaOf = (codes, key) => (codes[key] ? el("div", { class: "formula", tabindex: 0, html: codes[key].simple ?? codes[key].formula }) : null);

/** What is folded away: the general formula, and the lines of code. */
export function codeView(codes, key) {
  const code = codes[key];
  if (!code) return el("p", { class: "hint" }, t("code.none"));
  return el(
    "details",
    { class: "code", ontoggle: (event) => event.target.querySelectorAll("pre").forEach(centre) },
    el("summary", {}, t("code.fold")),
    el("div", { class: "formula", tabindex: 0, html: code.formula }),
    el("div", { class: "columns" }, excerpt(t("code.reference"), code.reference), code.fast && excerpt(t("code.fast"), code.fast)),
  );
}

/** The line that computes it, in the middle of its lines. */
function centre(block) {
  const here = block.querySelector(".here");
  if (here) block.scrollTop = here.offsetTop - block.clientHeight / 2;
}
