// The whole network at once: the image, every map, every number of the last layers, and lines as strong as what flows.

import { css, diverging, grey, inkOn } from "./colours.js";
import { draw, numbers, tensorScale } from "./picture.js";
import { el, roving, svg } from "./dom.js";
import { gridOf } from "./slices.js";
import { dims, percent, tiny } from "./format.js";
import { nameOf, sourcesOf } from "./stages.js";
import { classNames, t } from "./i18n.js";

const FAINT = 0.05; // of a line that carries next to nothing
const POINTS = 24; // of a line, for what moves along it

/** Another number in a cell that is there already. */
function repaint(text, v, colour) {
  const shown = tiny(v);
  if (text.textContent === shown) return;
  text.textContent = shown;
  text.setAttribute("fill", inkOn(colour));
  text.previousSibling.setAttribute("fill", css(colour));
}

export class Maps {
  /** picked(stage, unit, at): a unit was chosen; hovered(stage, unit) and left(). */
  constructor(network, stages, { picked, hovered, left }) {
    Object.assign(this, { network, stages, picked, hovered, left });
    this.lines = svg("svg", { class: "lines-between", "aria-hidden": "true" });
    this.columns = stages.map((stage, s) => this.column(stage, s));
    this.element = el("div", { class: "net", "data-tour": "net" }, this.lines, ...this.columns);
    this.edges = [];
    this.resizing = new ResizeObserver(() => this.place());
    this.resizing.observe(this.element);
  }

  column(stage, s) {
    const last = s === this.stages.length - 1;
    const title = s === 0 ? t("input") : nameOf(this.network, stage);
    const what = s === 0 ? dims(stage.shape.slice(0, 2)) : stage.isMap ? t("stage.maps", stage.units, dims(stage.shape.slice(0, 2))) : t("stage.numbers", stage.units);
    const kind = s === 0 ? "first" : last ? "last" : stage.isMap ? "maps" : "cells";
    const units = Array.from({ length: s === 0 ? 1 : stage.units }, (_, unit) => this.unit(stage, s, unit, last));
    const column = el("div", { class: `col ${kind}`, role: "group", "aria-label": `${title} ${what}`, "data-stage": s }, el("h2", {}, title, el("small", {}, what)), el("div", { class: "units" }, ...units));
    roving(column, "button");
    return column;
  }

  unit(stage, s, unit, last) {
    const picture = stage.isMap ? el("span", { class: "map-box" }, s === 0 ? el("span", { class: "digits" }) : el("canvas", { class: "pixels" }), el("span", { class: "window", hidden: true })) : null;
    const body = picture ?? (last ? [el("b", {}, classNames(this.network.document)[unit]), el("span", { class: "bar" }, el("span")), el("span", { class: "share" }), el("span", { class: "sr-only" })] : [el("span", { class: "sr-only" }), el("span", { class: "value" })]);
    if (s === 0) return el("div", { class: "unit", "data-unit": "0,0" }, body);
    return el("button", {
      type: "button", class: "unit", "data-unit": `${s},${unit}`, "aria-pressed": false,
      onclick: (event) => this.picked(s, unit, this.cellUnder(event, stage, unit)),
      onpointerenter: (event) => event.pointerType === "mouse" && this.hovered(s, unit),
      onpointerleave: () => this.left(),
    }, body);
  }

  /** The number that was clicked, or null where a key chose the whole map. */
  cellUnder(event, stage, unit) {
    if (!stage.isMap || !event.detail) return null;
    const box = event.currentTarget.querySelector(".map-box").getBoundingClientRect();
    const [H, W, C] = stage.shape;
    const [r, c] = [Math.floor(((event.clientY - box.top) / box.height) * H), Math.floor(((event.clientX - box.left) / box.width) * W)];
    return r >= 0 && c >= 0 && r < H && c < W ? (r * W + c) * C + unit : null;
  }

  unitElement(s, unit) {
    return this.columns[s].querySelectorAll(".unit")[s === 0 ? 0 : unit];
  }

  /** Other numbers. label: the truth, where it is known. */
  show(values, label) {
    this.values = values;
    this.stages.forEach((stage, s) => {
      const tensor = values[stage.value];
      delete tensor.scale;
      const units = [...this.columns[s].querySelectorAll(".unit")];
      if (s === 0) return this.showImage(units[0], tensor);
      if (stage.isMap) return units.forEach((unit, n) => this.showMap(unit, tensor, n, s));
      if (s < this.stages.length - 1) return units.forEach((unit, n) => this.showCell(unit, tensor, n, s));
      return this.showAnswer(units, tensor, label);
    });
  }

  showImage(unit, tensor) {
    const grid = gridOf(tensor.shape, [0]);
    const rows = Array.from({ length: grid.rows }, (_, r) => Array.from({ length: grid.cols }, (_, c) => tensor.data[grid.at(r, c)]));
    const scale = Math.max(1, tensorScale(tensor));
    const shown = unit.querySelectorAll(".digits text");
    if (shown.length === grid.rows * grid.cols) return rows.flat().forEach((v, n) => repaint(shown[n], v, grey(v / scale)));
    const plain = grid.cols > 12 ? el("canvas", { class: "pixels" }) : numbers(rows, scale, { photo: true, label: t("input") });
    if (grid.cols > 12) draw(plain, tensor, grid, scale, true);
    return unit.querySelector(".digits").replaceChildren(plain);
  }

  showMap(unit, tensor, n, s) {
    draw(unit.querySelector("canvas"), tensor, gridOf(tensor.shape, [n]), tensorScale(tensor));
    unit.setAttribute("aria-label", t("unit.map", nameOf(this.network, this.stages[s]), n));
  }

  showCell(unit, tensor, n, s) {
    const v = tensor.data[n];
    const colour = diverging(v / tensorScale(tensor));
    const text = unit.querySelector(".value");
    text.textContent = tiny(v);
    text.style.cssText = `background:${css(colour)};color:${inkOn(colour)}`;
    unit.querySelector(".sr-only").textContent = t("unit.number", nameOf(this.network, this.stages[s]), n);
  }

  showAnswer(units, tensor, label) {
    const best = tensor.data.indexOf(Math.max(...tensor.data));
    units.forEach((unit, k) => {
      unit.querySelector(".bar > span").style.transform = `scaleX(${Math.min(Math.max(tensor.data[k], 0), 1)})`;
      unit.querySelector(".share").textContent = percent(tensor.data[k]);
      unit.classList.toggle("top", k === best);
      unit.classList.toggle("truth", k === label);
      unit.querySelector(".sr-only").textContent = k === label ? t("truth") : "";
    });
  }

  /** Where every line runs. */
  place() {
    const frame = this.element.getBoundingClientRect();
    if (!frame.width) return;
    this.lines.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
    const boxes = this.stages.map((_, s) => [...this.columns[s].querySelectorAll(".unit")].map((unit) => (unit.querySelector(".map-box, .value, .bar") ?? unit).getBoundingClientRect()));
    const found = [];
    this.stages.forEach((stage, s) => {
      if (s === 0) return;
      for (let unit = 0; unit < stage.units; unit++)
        for (const from of sourcesOf(this.network, this.stages, s, unit)) {
          const [a, b] = [boxes[s - 1][s === 1 ? 0 : from], boxes[s][unit]];
          const wide = s === this.stages.length - 1 ? this.unitElement(s, unit).getBoundingClientRect().left : b.left;
          found.push({ s, from, unit, ends: [a.right - frame.left, a.top + a.height / 2 - frame.top, wide - frame.left, b.top + b.height / 2 - frame.top] });
        }
    });
    found.forEach((edge, n) => (edge.path = this.edges[n]?.path ?? svg("path")));
    found.forEach(({ path, ends: [x1, y1, x2, y2] }) => path.setAttribute("d", `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`));
    this.lines.replaceChildren(...found.map(({ path }) => path));
    this.edges = found;
    this.paint();
  }

  /** share(s, from, unit) -> -1..1: how strong each line is, and its sign. */
  strengths(share) {
    this.share = share;
    this.paint();
  }

  paint() {
    if (!this.share) return;
    for (const edge of this.edges) {
      const share = this.share(edge.s, edge.from, edge.unit);
      edge.share = share;
      const chosen = this.chosen && this.chosen[0] === edge.s && this.chosen[1] === edge.unit;
      const size = Math.sqrt(Math.abs(share));
      edge.path.setAttribute("class", `${share < 0 ? "minus" : "plus"}${chosen ? " chosen" : ""}`);
      edge.path.style.strokeOpacity = chosen ? Math.max(0.35, size) : FAINT + 0.5 * size ** 2;
      edge.path.style.strokeWidth = (chosen ? 1.2 : 0.6) + 2.4 * size;
    }
  }

  choose(s, unit) {
    this.chosen = [s, unit];
    for (const button of this.element.querySelectorAll("button.unit")) button.setAttribute("aria-pressed", button.dataset.unit === `${s},${unit}`);
    this.paint();
  }

  /** The strongest lines between two stages, as points to move along. */
  strongest(count) {
    const best = [...this.edges].filter((edge) => edge.share).sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
    const each = Math.ceil(count / (this.stages.length - 1));
    return this.stages.flatMap((_, s) => best.filter((edge) => edge.s === s).slice(0, each)).map((edge) => ({ s: edge.s, points: pointsOf(edge.ends) }));
  }
}

/** Points of a line, evenly in its parameter: the curve of `place`. */
export function pointsOf([x1, y1, x2, y2]) {
  const middle = (x1 + x2) / 2;
  return Array.from({ length: POINTS + 1 }, (_, n) => {
    const u = n / POINTS;
    const v = 1 - u;
    const mix = (a, b, c, d) => v ** 3 * a + 3 * v * v * u * b + 3 * v * u * u * c + u ** 3 * d;
    return [mix(x1, middle, middle, x2), mix(y1, y1, y2, y2)];
  });
}
