// The formula, typeset, and the lines of code that compute it: the reference's and the fast kernel's.

import { el } from "./dom.js";
import { t } from "./i18n.js";

function excerpt(title, source) {
  const lines = source.text.split("\n").map((line, i) => {
    const number = source.numbers[i];
    return el("span", { class: number === source.line ? "line here" : "line", "data-n": number }, `${line}\n`);
  });
  const block = el("pre", { tabindex: 0 }, el("code", {}, ...lines));
  requestAnimationFrame(() => {
    const here = block.querySelector(".here");
    block.scrollTop = here.offsetTop - block.clientHeight / 2;
  });
  return el("section", {}, el("h5", {}, `${title} `, el("code", {}, `${source.file}:${source.line}`)), block);
}

export const formulaOf = (codes, key) => (codes[key] ? el("div", { class: "formula", tabindex: 0, html: codes[key].formula }) : null);

export function codeView(codes, key) {
  const code = codes[key];
  if (!code) return el("p", { class: "hint" }, t("code.none"));
  return el(
    "section",
    { class: "code" },
    el("h4", {}, t("code.title")),
    el("div", { class: "columns" }, excerpt(t("code.reference"), code.reference), code.fast && excerpt(t("code.fast"), code.fast)),
  );
}
