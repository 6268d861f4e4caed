// Words explained: a small text at whatever is pointed at or reached by keys, and all of them at the end of the page.

import { el } from "./dom.js";
import { GLOSSARY } from "./texts-glossary.js";
import { hasText, t } from "./i18n.js";

const GAP = 6; // pixels
let bubble;
let owner = null;

/** Give an element its explanation; more: what only this one is, such as its settings. */
export function help(element, word, more = "") {
  if (!hasText(`word.${word}`) && !more) return element;
  element.dataset.help = word;
  if (more) element.dataset.helpMore = more;
  return element;
}

function show(element) {
  const { help: word, helpMore: more } = element.dataset;
  const known = hasText(`word.${word}`);
  bubble.replaceChildren(...[known && el("b", {}, t(`name.${word}`)), known && ` ${t(`word.${word}`)}`, more && el("small", {}, more)].filter(Boolean));
  bubble.hidden = false;
  const place = element.getBoundingClientRect();
  const { width, height } = bubble.getBoundingClientRect();
  const below = place.bottom + GAP + height < innerHeight;
  bubble.style.left = `${Math.max(4, Math.min(place.left, innerWidth - width - 8))}px`;
  bubble.style.top = `${below ? place.bottom + GAP : Math.max(4, place.top - GAP - height)}px`;
  owner?.removeAttribute("aria-describedby");
  element.setAttribute("aria-describedby", "bubble");
  owner = element;
}

function hide() {
  owner?.removeAttribute("aria-describedby");
  owner = null;
  bubble.hidden = true;
}

/** Listen on the whole page: by mouse, by keys, by touch; Escape closes. */
export function startHelp() {
  bubble = el("div", { class: "bubble", role: "tooltip", id: "bubble", hidden: true });
  document.body.append(bubble);
  const over = (event) => {
    if (bubble.contains(event.target)) return;
    const found = event.target.closest?.("[data-help]");
    if (found && found !== owner) show(found);
    else if (!found && owner) hide();
  };
  addEventListener("pointerover", over);
  addEventListener("focusin", (event) => event.target.matches?.(":focus-visible") && over(event));
  addEventListener("focusout", () => owner && hide());
  addEventListener("keydown", (event) => event.key === "Escape" && owner && hide());
  addEventListener("scroll", () => owner && hide(), { passive: true });
}

/** Every word, as a list that prints. */
export const glossary = () =>
  el("details", { class: "glossary" }, el("summary", {}, t("glossary")), el("dl", {}, ...Object.keys(GLOSSARY).filter((key) => key.startsWith("word.")).map((key) => el("div", {}, el("dt", {}, t(key.replace("word.", "name."))), el("dd", {}, t(key))))));
