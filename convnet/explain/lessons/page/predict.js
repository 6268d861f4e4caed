// Predict, then reveal: in this mode a click on any number hides it until it is guessed, or given up.

import { el } from "./dom.js";
import { Guess } from "./guess.js";
import { hide, numbersIn, numberUnder, show } from "./hiding.js";
import { numberOf } from "./number-text.js";
import { t } from "./i18n.js";

const GAP = 8; // pixels between a number and its field

/** What the page knows of a number: its full value, and the sum it belongs to. */
export function askedOf(element) {
  const shown = element.textContent.trim();
  const full = element.dataset?.guess;
  let holder = element;
  while (holder && !holder.found) holder = holder.parentElement; // a row, a table or a section that knows its sum
  const account = holder ? accountWith(holder.found) : undefined;
  const value = full === undefined || shown.endsWith("%") ? numberOf(shown) : Number(full);
  return { value, shown, account, part: element.dataset?.part ?? (shown.endsWith("%") ? "share" : undefined) };
}

const accountWith = ({ account, then }) => ({ ...account, rectified: then?.operation === "relu" });

export class Predict {
  constructor(root) {
    this.root = root;
    this.on = false;
    root.addEventListener("click", (event) => this.click(event), true);
    addEventListener("keydown", (event) => event.key === "Escape" && this.on && !document.querySelector(".tour") && this.toggle());
  }

  button() {
    return el("button", { type: "button", class: "quiet", "aria-pressed": this.on, "data-predict": true, "data-keep": true, onclick: () => this.toggle() }, t("predict"));
  }

  toggle() {
    this.close();
    this.on = !this.on;
    document.documentElement.toggleAttribute("data-predicting", this.on);
    for (const button of document.querySelectorAll("[data-predict]")) button.setAttribute("aria-pressed", this.on);
    this.bar?.remove();
    if (!this.on) return;
    const step = (by, key) => el("button", { type: "button", class: "quiet", onclick: () => this.step(by), "data-step-number": by }, t(key));
    this.bar = el("aside", { class: "predict-bar", "aria-label": t("predict") }, el("span", {}, t("predict.how")), step(-1, "predict.back"), step(1, "predict.on"), el("button", { type: "button", class: "quiet", onclick: () => this.toggle() }, t("predict.leave")));
    document.body.append(this.bar);
  }

  /** The number before or after the one last asked for, in the order of the page: the mode without a mouse. */
  step(by) {
    this.close();
    const all = numbersIn(this.root.querySelector("#view"));
    if (!all.length) return;
    this.place = (((this.place ?? (by > 0 ? -1 : 0)) + by) % all.length + all.length) % all.length;
    this.ask(all[this.place]);
  }

  click(event) {
    if (!this.on || event.target.closest("[data-keep], .guess, .tour")) return;
    const element = numberUnder(event.target);
    if (!element) return;
    event.preventDefault();
    event.stopPropagation();
    this.place = numbersIn(this.root.querySelector("#view")).indexOf(element);
    this.close();
    this.ask(element);
  }

  ask(element) {
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
    const box = element.getBoundingClientRect();
    const guess = new Guess(askedOf(element), () => show());
    hide(element, this.root);
    const close = el("button", { type: "button", class: "quiet", "aria-label": t("guess.close"), onclick: () => this.close() }, "✕");
    this.box = el("div", { class: "guess-box", role: "dialog", "aria-label": t("guess.label"), "data-keep": true }, guess.element, close);
    document.body.append(this.box);
    const { width, height } = this.box.getBoundingClientRect();
    const below = box.bottom + GAP + height < innerHeight;
    this.box.style.left = `${Math.max(4, Math.min(box.left + box.width / 2 - width / 2, innerWidth - width - 4))}px`;
    this.box.style.top = `${below ? box.bottom + GAP : Math.max(4, box.top - GAP - height)}px`;
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
    guess.input.focus();
  }

  close() {
    show();
    this.box?.remove();
    this.box = null;
  }
}
