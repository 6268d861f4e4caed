// A pad to draw on, with a mouse, a finger, or the arrow keys (space lowers and lifts the pen).

import { el } from "./dom.js";
import { t } from "./i18n.js";

const SIDE = 240; // the canvas's own pixels
const STEPS = 16; // of the pen, along a side, by keys
const CLOSE = 0.01; // of the side: nearer points of a stroke are left out

export class Pad {
  /** drawn(strokes): called at every change; strokes are lists of [x, y] from 0 to 1. */
  constructor(drawn) {
    this.drawn = drawn;
    this.strokes = [];
    this.pen = [8, 4];
    this.down = false;
    this.canvas = el("canvas", { class: "pad", width: SIDE, height: SIDE, tabindex: 0, role: "application", "aria-label": t("pad.label"), "aria-describedby": "pad-keys", "data-pad": true });
    this.status = el("span", { class: "sr-only", role: "status" });
    this.element = el("div", { class: "pad-box" }, this.canvas, el("p", { class: "hint", id: "pad-keys" }, t("pad.keys")), this.status);
    this.listen();
    this.draw();
  }

  listen() {
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.keys = false;
      this.drawing = true;
      this.strokes.push([at(event)]);
      this.change();
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.drawing) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.extend(at(each));
      this.extend(at(event));
    });
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => (this.drawing = false));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) this.canvas.addEventListener(name, () => this.draw());
  }

  extend(point) {
    const stroke = this.strokes.at(-1);
    const last = stroke.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < CLOSE) return;
    stroke.push(point.map((v) => Math.min(Math.max(v, 0), 1)));
    this.change();
  }

  key(event) {
    const move = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    const place = () => this.pen.map((v) => v / STEPS);
    if (move) {
      this.pen = this.pen.map((v, axis) => Math.min(Math.max(v + move[axis], 0), STEPS));
      if (this.down) this.extend(place());
    } else if (event.key === " ") {
      this.down = !this.down;
      if (this.down) this.strokes.push([place()]);
      if (this.down) this.change();
    } else if (event.key === "Backspace" || event.key === "Delete") this.clear();
    else return;
    event.preventDefault();
    this.keys = true;
    this.status.textContent = t(this.down ? "pad.down" : "pad.up", this.pen[1], this.pen[0]);
    this.draw();
  }

  clear() {
    this.strokes = [];
    this.down = false;
    this.change();
  }

  change() {
    this.draw();
    this.drawn(this.strokes);
  }

  draw() {
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    context.clearRect(0, 0, SIDE, SIDE);
    Object.assign(context, { lineWidth: SIDE / 11, lineCap: "round", lineJoin: "round", strokeStyle: style.getPropertyValue("--ink") });
    for (const stroke of this.strokes) {
      context.beginPath();
      stroke.forEach(([x, y]) => context.lineTo(x * SIDE, y * SIDE));
      if (stroke.length === 1) context.lineTo(stroke[0][0] * SIDE + 0.1, stroke[0][1] * SIDE);
      context.stroke();
    }
    if (!this.keys || document.activeElement !== this.canvas) return;
    context.beginPath();
    context.arc((this.pen[0] / STEPS) * SIDE, (this.pen[1] / STEPS) * SIDE, this.down ? 9 : 12, 0, 7);
    Object.assign(context, { lineWidth: this.down ? 9 : 3, strokeStyle: style.getPropertyValue("--orange") });
    context.stroke();
  }
}
