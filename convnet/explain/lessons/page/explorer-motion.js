// What moves in the view of the network: the window from one number to the next, and products into the sum.

import { el } from "./dom.js";
import { flyInto } from "./fly.js";
import { isStill, run } from "./motion.js";
import { go, state } from "./state.js";
import { t } from "./i18n.js";

const GLIDE = 240; // milliseconds
const REST = 650;
const MARKS = ".marked, .halo, .selected, .focus";

/** The middle of a panel's marks, in cells. */
function middleOf(panel) {
  const marks = [...panel.overlay.querySelectorAll(".marked, .selected, .focus")].map((mark) => mark.getBBox());
  if (!marks.length) return null;
  const [left, top] = [Math.min(...marks.map((box) => box.x)), Math.min(...marks.map((box) => box.y))];
  const [right, bottom] = [Math.max(...marks.map((box) => box.x + box.width)), Math.max(...marks.map((box) => box.y + box.height))];
  return [(left + right) / 2, (top + bottom) / 2];
}

/** Call change(), and let the marks of these panels glide from where they were. */
function gliding(panels, change) {
  const before = panels.map(middleOf);
  change();
  const moved = panels.map((panel, n) => {
    const now = middleOf(panel);
    return { marks: [...panel.overlay.querySelectorAll(MARKS)], way: now && before[n] ? [before[n][0] - now[0], before[n][1] - now[1]] : [0, 0] };
  });
  return run(GLIDE, (share) => moved.forEach(({ marks, way }) => marks.forEach((mark) => (mark.style.transform = `translate(${way[0] * (1 - share)}px, ${way[1] * (1 - share)}px)`))));
}

export class Walk {
  constructor(view) {
    this.view = view;
  }

  button() {
    this.player = el("button", { type: "button", class: "quiet", "data-play-window": true, hidden: isStill(), onclick: () => (this.running ? this.stop() : this.start()) }, t("walk.play.short"));
    return this.player;
  }

  start() {
    this.running = true;
    this.player.textContent = t("walk.stop");
    this.next();
  }

  /** The number after this one in its picture, row by row. */
  following() {
    const { grid } = this.view.asked;
    const [r, c] = grid.cellOf(state.at);
    const next = (r * grid.cols + c + 1) % (grid.rows * grid.cols);
    const at = grid.at(Math.floor(next / grid.cols), next % grid.cols);
    return at < 0 ? grid.at(0, 0) : at;
  }

  next() {
    if (!this.running || isStill()) return this.stop();
    gliding([...this.view.inputs, this.view.asked], () => go({ at: this.following() }));
    this.fly(() => run(REST, () => {}, () => this.next()));
    return undefined;
  }

  fly(done) {
    const products = [...this.view.element.querySelectorAll("[data-tour=products] .numbers text")];
    const total = this.view.account.querySelector(".result b");
    this.end = total ? flyInto(this.view.element, products, total, done) : done();
  }

  stop() {
    this.running = false;
    this.view.hovering = false;
    this.end?.();
    if (this.player) this.player.textContent = t("walk.play.short");
  }
}
