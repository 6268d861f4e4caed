// A field for a guess: right within rounding, or the likely mistake by name; then the number itself.

import { el } from "./dom.js";
import { isRight, likelyMistake } from "./mistakes.js";
import { short } from "./format.js";
import { t } from "./i18n.js";

export class Guess {
  /** asked: {value, shown, account, part}, see mistakes.js; revealed(): the number may be seen. */
  constructor(asked, revealed = () => {}) {
    Object.assign(this, { asked, revealed });
    this.input = el("input", { type: "text", inputmode: "decimal", autocomplete: "off", size: 8, "aria-label": t("guess.label"), "data-guess-field": true });
    this.verdict = el("p", { class: "verdict", role: "status" });
    this.open = el("button", { type: "button", class: "quiet", "data-reveal": true, onclick: () => this.reveal() }, t("guess.reveal"));
    this.element = el("form", { class: "guess", onsubmit: (event) => { event.preventDefault(); this.judge(); } }, el("span", { class: "guess-row" }, this.input, el("button", { type: "submit", class: "primary" }, t("guess.check")), this.open), this.verdict);
  }

  judge() {
    const text = this.input.value;
    const { value, shown } = this.asked;
    const right = isRight(text, value, shown);
    const mistake = right ? null : likelyMistake(text, this.asked);
    this.verdict.className = `verdict ${right ? "right" : "wrong"}`;
    this.verdict.dataset.mistake = mistake ?? "";
    this.verdict.textContent = right ? t("guess.right", shown ?? short(value)) : t(mistake ? `guess.${mistake}` : "guess.wrong");
    if (right) this.end();
    else this.input.select();
  }

  reveal() {
    this.verdict.className = "verdict";
    this.verdict.textContent = t("guess.is", this.asked.shown ?? short(this.asked.value));
    this.end();
  }

  end() {
    this.open.hidden = true;
    this.done = true;
    this.revealed();
  }
}
