// A guided tour: one sentence and one arrow a stop, then a number to predict. Escape leaves it, the arrow keys turn pages.

import { askedOf } from "./predict.js";
import { el, svg } from "./dom.js";
import { Guess } from "./guess.js";
import { hide, show } from "./hiding.js";
import { t } from "./i18n.js";

const GAP = 46; // pixels between the card and what it speaks of: the arrow's length
const EDGE = 10;

/** Where the card stands: beside its target, on the first side that has room, else over the page's lower part. */
function placeBeside(target, width, height) {
  const middle = (low, size, whole, own) => Math.max(EDGE, Math.min(low + size / 2 - own / 2, whole - own - EDGE));
  const across = middle(target.left, target.width, innerWidth, width);
  const down = middle(target.top, target.height, innerHeight, height);
  const sides = [
    [target.right + GAP, down], [target.left - GAP - width, down],
    [across, target.bottom + GAP], [across, target.top - GAP - height],
  ];
  return sides.find(([x, y]) => x >= EDGE && y >= EDGE && x + width <= innerWidth - EDGE && y + height <= innerHeight - EDGE) ?? [across, innerHeight - height - EDGE];
}

/** From the card's edge to the target's: the nearest points of the two boxes. */
function between(card, target) {
  const nearest = (a, b, low, high) => Math.max(low, Math.min((a + b) / 2, high));
  const x = nearest(card.left, card.right, target.left, target.right);
  const y = nearest(card.top, card.bottom, target.top, target.bottom);
  return [nearest(x, x, card.left, card.right), nearest(y, y, card.top, card.bottom), x, y];
}

export class Tour {
  /** stops(): what there is to see, [{text, target, prepare, ask}]; root: where numbers are hidden. */
  constructor(stops, root) {
    Object.assign(this, { stops, root });
    this.follow = () => this.list && this.place();
    this.keys = (event) => this.key(event);
  }

  button() {
    return el("button", { type: "button", class: "primary", "data-tour-start": true, "data-keep": true, onclick: () => this.start() }, t("tour.start"));
  }

  start() {
    this.leave();
    this.before = document.activeElement;
    this.list = this.stops();
    this.arrow = svg("svg", { class: "tour-arrow", "aria-hidden": "true" }, svg("defs", {}, svg("marker", { id: "tour-head", viewBox: "0 0 10 10", refX: 8, refY: 5, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, svg("path", { d: "M0 0L10 5L0 10z" }))), svg("path", { class: "shaft", "marker-end": "url(#tour-head)" }));
    this.ring = el("div", { class: "tour-ring", "aria-hidden": "true" });
    this.card = el("div", { class: "tour", role: "dialog", "aria-label": t("tour.label"), tabindex: -1, "data-keep": true });
    document.body.append(this.ring, this.arrow, this.card);
    for (const name of ["scroll", "resize"]) addEventListener(name, this.follow, { passive: true, capture: true });
    addEventListener("keydown", this.keys);
    this.open(0);
  }

  leave() {
    if (!this.list) return;
    show();
    for (const each of [this.card, this.arrow, this.ring]) each.remove();
    for (const name of ["scroll", "resize"]) removeEventListener(name, this.follow, { capture: true });
    removeEventListener("keydown", this.keys);
    this.list = null;
    this.before?.focus?.({ preventScroll: true });
  }

  key(event) {
    if (event.key === "Escape") return this.leave();
    if (event.target.tagName === "INPUT" || !this.card.contains(event.target)) return null;
    if (event.key === "ArrowRight") return this.turn(1);
    if (event.key === "ArrowLeft") return this.turn(-1);
    return null;
  }

  turn(by) {
    const next = this.at + by;
    if (next >= this.list.length) this.leave();
    else if (next >= 0) this.open(next);
  }

  /** One stop: make ready what it shows, say its sentence, hide its number. */
  open(at) {
    show();
    this.at = at;
    const stop = this.list[at];
    stop.prepare?.();
    const asked = stop.ask();
    const guess = new Guess(asked.element ? { ...askedOf(asked.element), ...asked } : asked, () => {
      show();
      asked.revealed?.();
      next.classList.add("primary");
      next.focus({ preventScroll: true });
    });
    const next = el("button", { type: "button", class: "quiet", "data-next": true, onclick: () => this.turn(1) }, t(at === this.list.length - 1 ? "tour.end" : "tour.next"));
    const back = el("button", { type: "button", class: "quiet", disabled: at === 0, onclick: () => this.turn(-1) }, t("tour.back"));
    const close = el("button", { type: "button", class: "quiet", "data-leave": true, "aria-label": t("tour.leave"), onclick: () => this.leave() }, "✕");
    this.card.replaceChildren(
      el("div", { class: "tour-head" }, el("span", { class: "hint" }, t("tour.place", at + 1, this.list.length)), close),
      el("p", { class: "tour-text" }, t(stop.text)),
      el("p", { class: "tour-ask" }, el("b", {}, t("tour.now")), " ", t(asked.text, ...(asked.values ?? []))),
      guess.element,
      el("div", { class: "tour-foot" }, back, next),
    );
    if (asked.element) hide(asked.element, this.root);
    this.target = stop.target();
    this.target.scrollIntoView({ block: "nearest" });
    this.place();
    this.card.focus({ preventScroll: true });
  }

  place() {
    if (!this.target?.isConnected) return;
    const target = this.target.getBoundingClientRect();
    const { width, height } = this.card.getBoundingClientRect();
    const [x, y] = placeBeside(target, width, height);
    Object.assign(this.card.style, { left: `${x}px`, top: `${y}px` });
    Object.assign(this.ring.style, { left: `${target.left - 5}px`, top: `${target.top - 5}px`, width: `${target.width + 10}px`, height: `${target.height + 10}px` });
    const [x1, y1, x2, y2] = between({ left: x, top: y, right: x + width, bottom: y + height }, target);
    const length = Math.hypot(x2 - x1, y2 - y1);
    this.arrow.style.display = length < 14 ? "none" : "";
    this.arrow.querySelector(".shaft").setAttribute("d", `M${x1} ${y1}L${x2} ${y2}`);
  }
}
