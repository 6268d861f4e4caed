// What flows along the lines: forward with the arrows, backward against them. One dot a line, moved by `transform` alone.

import { el } from "./dom.js";
import { isStill, move } from "./motion.js";

const DOTS = 48;
const STAGE = 420; // milliseconds from one column to the next

export class Flow {
  constructor(box) {
    this.box = box;
    this.dots = Array.from({ length: DOTS }, () => el("span", { class: "dot-moving", "aria-hidden": "true" }));
    box.append(...this.dots);
    this.hide();
  }

  hide() {
    this.end?.();
    this.end = null;
    for (const dot of this.dots) dot.style.opacity = 0;
  }

  get goesBack() {
    return this.end !== null && this.backward;
  }

  /** Send dots along lines, [{s, points}]: column after column, last column first where it goes backward. */
  send(lines, stages, backward = false) {
    this.hide();
    if (isStill() || !lines.length) return;
    this.backward = backward;
    const used = lines.slice(0, DOTS);
    this.box.classList.toggle("going-back", backward);
    const length = STAGE * (stages - 1);
    this.end = move((elapsed) => {
      used.forEach(({ s, points }, n) => {
        const begins = STAGE * (backward ? stages - 1 - s : s - 1);
        const share = (elapsed - begins) / STAGE;
        const seen = share >= 0 && share <= 1;
        this.dots[n].style.opacity = seen ? 1 : 0;
        if (!seen) return;
        const way = (backward ? 1 - share : share) * (points.length - 1);
        const [a, b, part] = [points[Math.floor(way)], points[Math.ceil(way)], way % 1];
        this.dots[n].style.transform = `translate(${a[0] + (b[0] - a[0]) * part}px, ${a[1] + (b[1] - a[1]) * part}px)`;
      });
      if (elapsed > length) this.hide();
      return elapsed <= length;
    });
  }
}
