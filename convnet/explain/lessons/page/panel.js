// One array: a slice of it enlarged, with a window or a chosen cell marked on it, and all its slices small beside it.

import { axesOf, gridOf, sliceOf } from "./slices.js";
import { axisLetters } from "./names.js";
import { cell, dims, short, tiny } from "./format.js";
import { diverging, grey, inkOn } from "./colours.js";
import { curveRange, draw, isCurve, sliceScale, tensorScale } from "./picture.js";
import { el, roving, svg } from "./dom.js";
import { help } from "./glossary.js";
import { placeOf } from "./places.js";
import { t } from "./i18n.js";

const NUMBERS_UP_TO = 9; // columns: wider slices have cells too small for a number
const MOST_THUMBNAILS = 128;

/** The border around a set of cells: the sides that have no neighbour. */
function outline(cells) {
  const there = new Set(cells.map(String));
  return cells
    .map(([r, c]) => {
      const open = (dr, dc) => !there.has(`${r + dr},${c + dc}`);
      return [
        open(-1, 0) ? `M${c} ${r}h1` : "",
        open(1, 0) ? `M${c} ${r + 1}h1` : "",
        open(0, -1) ? `M${c} ${r}v1` : "",
        open(0, 1) ? `M${c + 1} ${r}v1` : "",
      ].join("");
    })
    .join("");
}

export class Panel {
  /** pick(flat): a cell was chosen. sliced(slice): another slice was. Without `pick` nothing can be chosen. */
  constructor({ tensor, name, title, role, photo, operation, outline, hint, pick, sliced }) {
    Object.assign(this, { tensor, name, title, photo, operation, pick, sliced });
    this.slice = sliceOf(0, tensor.shape);
    this.canvas = el("canvas", { class: "pixels" });
    this.overlay = svg("svg", { class: "overlay", "aria-hidden": "true" });
    this.stage = el("div", { class: "picture" }, this.canvas, outline?.(tensor.shape), this.overlay);
    this.readout = el("p", { class: "readout" });
    this.legend = help(el("p", { class: "legend" }), "colour");
    this.chooser = el("div", { class: "chooser" });
    this.element = el(
      "section",
      { class: `panel${pick ? " asked" : ""}`, "aria-label": `${title} ${role}` },
      help(el("h4", {}, el("i", {}, title), ` ${role} `, el("small", {}, hint ?? dims(tensor.shape))), title),
      this.stage,
      this.readout,
      this.legend,
      this.chooser,
    );
    this.listen();
    this.thumbnails();
  }

  get grid() {
    return gridOf(this.tensor.shape, this.slice);
  }

  listen() {
    const under = (event) => {
      const box = this.stage.getBoundingClientRect();
      const { rows, cols, at } = this.grid;
      const c = Math.floor(((event.clientX - box.left) / box.width) * cols);
      return at(Math.floor(((event.clientY - box.top) / box.height) * rows), c);
    };
    this.stage.addEventListener("pointermove", (event) => this.read(under(event)));
    this.stage.addEventListener("pointerleave", () => this.read(this.selected));
    if (!this.pick) return;
    this.stage.addEventListener("click", (event) => {
      const at = under(event);
      if (at >= 0) this.pick(at);
      this.stage.focus({ preventScroll: true });
    });
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "slider");
    this.stage.setAttribute("aria-label", t("pick", this.title));
    this.stage.setAttribute("aria-valuemin", 0);
    this.stage.setAttribute("aria-valuemax", this.tensor.data.length - 1);
    this.stage.addEventListener("keydown", (event) => this.move(event));
  }

  move(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const [r, c] = this.grid.cellOf(this.selected ?? -1) ?? [0, 0];
    const at = this.grid.at(r + step[0], c + step[1]);
    if (at >= 0) this.pick(at);
  }

  /** selected: the chosen cell; marks: cells of the window; focus: the cell of one term. */
  update({ slice = this.slice, selected = null, marks = [], focus = null }) {
    const moved = slice.join() !== this.slice.join();
    this.slice = slice;
    this.selected = selected;
    const grid = this.grid;
    const scale = sliceScale(this.tensor, grid);
    if (moved || !this.drawn) {
      draw(this.canvas, this.tensor, grid, scale, this.photo);
      this.stage.style.aspectRatio = isCurve(grid) ? "3 / 1" : `${grid.cols} / ${grid.rows}`;
      this.stage.style.setProperty("--cols", grid.cols);
      this.stage.style.setProperty("--rows", grid.rows);
      const plain = this.photo ? t("brightness", short(scale)) : t("scale", short(scale));
      this.legend.textContent = isCurve(grid) ? t("curve", ...curveRange(this.tensor, grid).map(short)) : plain;
      this.legend.classList.toggle("diverging", !this.photo && !isCurve(grid));
      this.drawn = true;
    }
    this.mark(grid, scale, selected, marks, focus);
    this.read(selected ?? focus);
    this.press();
    if (this.pick && selected !== null) {
      this.stage.setAttribute("aria-valuenow", selected);
      const place = placeOf(selected, this.tensor.shape);
      this.stage.setAttribute("aria-valuetext", `${cell(this.title, place)} = ${short(this.tensor.data[selected])}`);
    }
  }

  mark(grid, scale, selected, marks, focus) {
    this.overlay.setAttribute("viewBox", `0 0 ${grid.cols} ${grid.rows}`);
    this.overlay.setAttribute("preserveAspectRatio", "none"); // cells of a curve are not square
    this.overlay.style.overflow = isCurve(grid) ? "hidden" : ""; // a frame of so thin a cell has spikes
    const boxes = [];
    if (grid.cols <= NUMBERS_UP_TO)
      for (let r = 0; r < grid.rows; r++)
        for (let c = 0; c < grid.cols; c++) {
          const at = grid.at(r, c);
          if (at < 0) continue;
          const share = this.tensor.data[at] / scale;
          const ink = inkOn(this.photo ? grey(share) : diverging(share));
          const text = tiny(this.tensor.data[at]);
          boxes.push(svg("text", { x: c + 0.5, y: r + 0.6, fill: ink, class: text.length > 4 ? "long" : null }, text));
        }
    const seen = marks.map((at) => grid.cellOf(at)).filter(Boolean);
    if (seen.length && seen.length < grid.rows * grid.cols) {
      const d = outline(seen);
      boxes.push(svg("path", { d, class: "halo" }), svg("path", { d, class: "marked" }));
    }
    const single = (at, kind) => {
      const found = at === null || at === undefined ? null : grid.cellOf(at);
      if (!found) return;
      const box = { x: found[1], y: found[0], width: 1, height: 1 };
      boxes.push(svg("rect", { ...box, class: "halo" }), svg("rect", { ...box, class: kind }));
    };
    single(focus, "focus");
    single(selected, "selected");
    this.overlay.replaceChildren(...boxes);
  }

  read(at) {
    const valid = at !== null && at !== undefined && at >= 0;
    this.readout.textContent = valid
      ? `${cell(this.title, placeOf(at, this.tensor.shape))} = ${short(this.tensor.data[at])}`
      : "\u00a0";
  }

  /** Buttons for the slices of an image; numbers to type for those of a kernel. */
  thumbnails() {
    const shape = this.tensor.shape;
    const axes = axesOf(shape);
    const letters = axisLetters(this.name, shape, this.operation);
    if (shape.length === 3 && shape[2] > 1 && shape[2] <= MOST_THUMBNAILS) {
      const scale = tensorScale(this.tensor);
      const buttons = Array.from({ length: shape[2] }, (_, n) => {
        const small = el("canvas", { class: "pixels" });
        draw(small, this.tensor, gridOf(shape, [n]), scale, this.photo);
        const label = `${this.title}, ${letters[2]} = ${n}`;
        return el("button", { type: "button", class: "thumb", title: label, "aria-label": label, "aria-pressed": false, onclick: () => this.sliced([n]) }, small);
      });
      this.chooser.append(...buttons);
      this.chooser.setAttribute("role", "group");
      this.chooser.setAttribute("aria-label", `${this.title}: ${t("channel")}`);
      roving(this.chooser, "button");
      return;
    }
    if (axes.every(([, count]) => count === 1)) return;
    this.inputs = axes.map(([axis, count], n) =>
      el("input", {
        type: "number", min: 0, max: count - 1, value: 0, "aria-label": `${this.title}: ${axis}`,
        onchange: (event) => this.sliced(this.slice.map((v, i) => (i === n ? Math.min(Math.max(Math.round(event.target.value) || 0, 0), count - 1) : v))),
      }),
    );
    axes.forEach(([axis, count], n) => this.chooser.append(el("label", {}, `${axis} `, this.inputs[n], ` / ${count}`)));
  }

  /** Show on the chooser which slice is seen. */
  press() {
    if (this.inputs) this.slice.forEach((v, n) => (this.inputs[n].value = v));
    else if (this.pressed !== this.slice[0] && this.chooser.children.length) {
      const [before, now] = [this.chooser.children[this.pressed], this.chooser.children[this.slice[0]]];
      const mark = (button, chosen) => {
        button?.setAttribute("aria-pressed", chosen);
        if (button) button.tabIndex = chosen ? 0 : -1;
      };
      mark(this.pressed === undefined ? this.chooser.children[0] : before, false);
      mark(now, true);
      this.pressed = this.slice[0];
      this.chooser.scrollTop = now.offsetTop - this.chooser.offsetTop - this.chooser.clientHeight / 2;
    }
  }
}
