// Numbers of the page, hidden until they are guessed.

import { numberOf } from "./number-text.js";

const NUMBERS = "[data-guess], svg.numbers text, .overlay text, td, dd, .result b, .share, .value, .dot, .big p, output";
const OPEN = new Map(); // element -> its own text

/** Every element of a box that is seen and whose whole text is one number, in the order of the page. */
export const numbersIn = (box) => [...box.querySelectorAll(NUMBERS)].filter((each) => numberOf(each.textContent) !== null && each.getClientRects().length);

export const numberUnder = (target) => {
  const found = target.closest?.(NUMBERS);
  return found && numberOf(found.textContent) !== null ? found : null;
};

/** Hide a number, and what a sum shows of it in other places. */
export function hide(element, box) {
  const own = element.dataset?.guess;
  const same = own === undefined ? [] : numbersIn(box).filter((each) => each.dataset?.guess === own);
  for (const each of new Set([element, ...same])) {
    const text = each.textContent;
    OPEN.set(each, text);
    each.textContent = "?";
    each.classList.add("guessed");
  }
  document.documentElement.dataset.guessing = "yes"; // other texts that would tell it are dimmed
}

export function show() {
  for (const [element, text] of OPEN) {
    if (element.textContent === "?") element.textContent = text;
    element.classList.remove("guessed");
  }
  OPEN.clear();
  delete document.documentElement.dataset.guessing;
}
