// The whole network at once, above the step that is taken apart: a column a layer, its liveliest maps, lines between them.

import { css, diverging, inkOn } from "./colours.js";
import { percent, tiny } from "./format.js";
import { draw, drawImage, tensorScale } from "./picture.js";
import { el, roving, svg } from "./dom.js";
import { Flow } from "./flow.js";
import { gridOf } from "./slices.js";
import { help } from "./glossary.js";
import { linesOf } from "./overview-lines.js";
import { plainName, settingsText } from "./names.js";
import { pointsOf } from "./playground-maps.js";
import { go, state } from "./state.js";
import { stagesOf } from "./stages.js";
import { classNames, t } from "./i18n.js";
import { passesOf } from "./operations.js";

const [MAPS, CELLS, CROWDED_CELLS, CLASSES] = [4, 7, 3, 10]; // of a column that are shown at first
const CROWDED = 12; // columns: from here on, half as many maps in each
const LONG = 20; // columns: more are set in several rows
const FLOWING = 40; // dots

/** The largest number of each unit by magnitude. */
function heights({ data }, units) {
  const most = new Float64Array(units);
  for (let at = 0; at < data.length; at++) most[at % units] = Math.max(most[at % units], Math.abs(data[at]) || 0);
  return most;
}

export class Overview {
  constructor(network) {
    this.network = network;
    this.stages = stagesOf(network);
    this.open = new Set(); // columns whose maps are all shown
    this.element = el("div", { class: "graph overview", role: "group", "data-tour": "net" });
    new ResizeObserver(() => this.place()).observe(this.element);
  }

  get backward() {
    return state.pass !== "forward";
  }

  /** What a column shows: its numbers, or their gradient. */
  seen(stage) {
    return this.network.tensors.get(this.backward ? `${state.loss} dx${stage.value}` : `x${stage.value}`);
  }

  /** The column of a step; the loss stands after the last. */
  columnOf(step) {
    return this.stages.findIndex((stage) => stage.steps.includes(step));
  }

  render() {
    this.lines = svg("svg", { class: "lines-between", "aria-hidden": "true" });
    this.element.setAttribute("aria-label", t("graph"));
    this.element.classList.toggle("backward", this.backward);
    this.element.classList.toggle("long", this.stages.length > LONG);
    this.element.classList.toggle("crowded", this.stages.length > CROWDED);
    this.chosen = this.units(this.stages.length - 1);
    this.shown = this.stages.map((_, s) => this.units(s));
    const columns = this.stages.map((stage, s) => this.column(stage, s));
    this.element.replaceChildren(this.lines, ...columns, this.lossColumn());
    this.flow = new Flow(this.element);
    roving(this.element, ".card");
    this.place();
  }

  /** The units of a column that are shown: the liveliest, and the one that is taken apart. */
  units(s) {
    const stage = this.stages[s];
    const last = s === this.stages.length - 1;
    const crowded = this.stages.length > CROWDED;
    const most = last ? CLASSES : stage.isMap ? (crowded ? MAPS / 2 : MAPS) : crowded ? CROWDED_CELLS : CELLS;
    const all = Array.from({ length: stage.units }, (_, n) => n);
    if (s === 0) return [0];
    if (stage.units <= most || this.open.has(s)) return all;
    const height = heights(this.network.tensors.get(`x${stage.value}`), stage.units);
    const wanted = this.unitOf(s);
    const best = [...all].sort((a, b) => (b === wanted) - (a === wanted) || height[b] - height[a]);
    return best.slice(0, most).sort((a, b) => a - b);
  }

  /** The unit of column s that holds the number taken apart, or null. */
  unitOf(s) {
    if (this.columnOf(state.step) !== s || state.at === null) return null;
    return state.pass === "forward" ? state.at % this.stages[s].units : null;
  }

  column(stage, s) {
    const last = s === this.stages.length - 1;
    const kind = s === 0 ? "first" : last ? "last" : stage.isMap ? "maps" : "cells";
    const left = (s === 0 ? 1 : stage.units) - this.shown[s].length;
    const units = this.shown[s].map((unit) => this.unit(stage, s, unit, kind));
    const toggle = () => {
      if (!this.open.delete(s)) this.open.add(s);
      this.render();
      this.element.querySelector(`[data-more="${s}"]`)?.focus({ preventScroll: true });
    };
    const more = (left > 0 || this.open.has(s)) && el("button", { type: "button", class: "more", "data-more": s, "aria-expanded": this.open.has(s), "aria-label": t(left > 0 ? "overview.more" : "overview.fewer", left), onclick: toggle }, left > 0 ? `+ ${left}` : "−");
    const box = el("div", { class: "units" }, ...units);
    roving(box, "button");
    return el("div", { class: `stage-col ${kind}${this.open.has(s) ? " open" : ""}`, "data-stage": s }, el("div", { class: "chips" }, ...this.chips(stage, s)), el("small", {}, stage.shape.join("×")), box, more);
  }

  /** A button a step. */
  chips(stage, s) {
    const { document } = this.network;
    if (s === 0) return [this.chip(-1, 0, t("input"), "input"), ...stage.steps.map((step) => this.stepChip(step, document))];
    return stage.steps.map((step) => this.stepChip(step, document));
  }

  stepChip(step, document) {
    const found = this.network.steps[step];
    const name = plainName(found.operation);
    return this.chip(step, step, name, name, [found.layer, settingsText(found, document.parameters)].filter(Boolean).join(", "));
  }

  chip(mark, step, name, word, more = "") {
    const current = mark === state.step;
    return help(el("button", { type: "button", class: "card", "aria-current": current ? "step" : null, "data-step": mark, onclick: () => this.go(step, null) }, el("b", {}, name)), word, more);
  }

  /** To a step: in the direction that is looked at. */
  go(step, at) {
    const names = passesOf(this.network.step(step, state.loss));
    const pass = !this.backward ? "forward" : names.includes(state.pass) ? state.pass : "dx0";
    go({ step, pass, at: pass === "forward" ? at : null });
  }

  unit(stage, s, unit, kind) {
    const { tensors, document } = this.network;
    const tensor = this.seen(stage);
    const value = tensors.get(`x${stage.value}`).data[unit];
    const label = s === 0 ? t("input") : `${plainName(this.network.steps[stage.made].operation)} ${unit}`;
    const made = el("button", { type: "button", class: "unit", "data-map": `${s},${unit}`, "aria-pressed": s > 0 && this.unitOf(s) === unit, onclick: (event) => this.pick(stage, s, unit, event) });
    if (kind === "last") made.append(...this.answer(document, stage, unit, value, tensor));
    else if (stage.isMap) made.append(this.picture(stage, s, unit, tensor), el("span", { class: "sr-only" }, label));
    else made.append(el("span", { class: "sr-only" }, `${label}: `), this.number(tensor, unit));
    return made;
  }

  picture(stage, s, unit, tensor) {
    const canvas = el("canvas", { class: "pixels" });
    if (s === 0 && !this.backward) drawImage(canvas, tensor);
    else draw(canvas, tensor, gridOf(tensor.shape, [unit]), tensorScale(tensor));
    return el("span", { class: "map-box" }, canvas, s === 0 && this.network.outline?.(stage.shape));
  }

  number(tensor, unit) {
    const colour = diverging(tensor.data[unit] / tensorScale(tensor));
    return el("span", { class: "value", style: `background:${css(colour)};color:${inkOn(colour)}` }, tiny(tensor.data[unit]));
  }

  /** A class: its name, and how much of it the network sees, or the gradient of that. */
  answer(document, stage, unit, value, tensor) {
    const names = classNames(document);
    const name = stage.units === 1 ? names[1] : names[unit];
    const isTruth = unit === this.network.label && stage.units > 1;
    const head = el("b", { class: isTruth ? "truth" : null, title: isTruth ? t("truth") : null }, name, isTruth && el("span", { class: "sr-only" }, ` (${t("truth")})`));
    if (this.backward) return [head, this.number(tensor, unit)];
    const share = document.steps.length && value >= 0 && value <= 1;
    return [head, el("span", { class: "bar" }, el("span", { style: `width:${100 * Math.min(Math.max(value, 0), 1)}%` })), el("span", { class: "share" }, share ? percent(value) : tiny(value))];
  }

  lossColumn() {
    const step = this.network.steps.length;
    const value = this.network.step(step, state.loss).value;
    const box = el("button", { type: "button", class: "unit", onclick: () => this.go(step, null) }, el("span", { class: "sr-only" }, t("loss")), el("span", { class: "value dot" }, tiny(value)));
    return el("div", { class: "stage-col cells", "data-stage": this.stages.length }, el("div", { class: "chips" }, this.chip(step, step, t("loss"), "loss")), el("small", {}, "L"), el("div", { class: "units" }, box));
  }

  /** A click takes the pixel under it apart, a key the largest number of the map. */
  pick(stage, s, unit, event) {
    if (s === 0) return this.go(0, null);
    const step = stage.made;
    if (this.backward) return this.go(step, null);
    const tensor = this.network.tensors.get(`x${stage.value}`);
    let best = unit;
    for (let at = unit; at < tensor.data.length; at += stage.units) if (tensor.data[at] > tensor.data[best]) best = at;
    const canvas = stage.isMap && event.detail ? event.currentTarget.querySelector("canvas").getBoundingClientRect() : null;
    if (canvas) {
      const [H, W, C] = stage.shape;
      const within = (v, low, size, n) => Math.min(Math.max(Math.floor(((v - low) / size) * n), 0), n - 1);
      best = (within(event.clientY, canvas.top, canvas.height, H) * W + within(event.clientX, canvas.left, canvas.width, W)) * C + unit;
    }
    return this.go(step, best);
  }

  /** Another number is taken apart: its map is framed, and shown if it was not. */
  mark() {
    const s = this.columnOf(state.step);
    const unit = s > 0 ? this.unitOf(s) : null;
    if (unit !== null && !this.shown[s].includes(unit)) return this.render();
    for (const button of this.element.querySelectorAll("[data-map]")) button.setAttribute("aria-pressed", unit !== null && button.dataset.map === `${s},${unit}`);
    return this.paint();
  }

  /** The lines of what is shown, which differ by image: computed once. */
  read() {
    const key = JSON.stringify(this.shown);
    if (this.key !== key || this.image !== this.network.image) this.found = linesOf(this.network, this.stages, this.shown);
    [this.key, this.image] = [key, this.network.image];
    return this.found;
  }

  /** Where every line runs. */
  place() {
    const frame = this.element.getBoundingClientRect();
    if (!frame.width || !this.shown) return;
    this.lines.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
    const boxOf = (s, unit) => this.element.querySelector(`[data-map="${s},${unit}"]`)?.getBoundingClientRect();
    this.edges = this.read().map((edge) => {
      const [a, b] = [boxOf(edge.from, edge.source), boxOf(edge.s, edge.unit)];
      const ends = [a.right - frame.left, a.top + a.height / 2 - frame.top, b.left - frame.left, b.top + b.height / 2 - frame.top];
      const middle = (ends[0] + ends[2]) / 2;
      const path = svg("path", { d: `M${ends[0]} ${ends[1]}C${middle} ${ends[1]} ${middle} ${ends[3]} ${ends[2]} ${ends[3]}` });
      return { ...edge, ends, path };
    });
    this.lines.replaceChildren(...this.edges.map(({ path }) => path));
    this.paint();
  }

  paint() {
    const s = this.columnOf(state.step);
    const unit = s > 0 ? this.unitOf(s) : null;
    for (const edge of this.edges ?? []) {
      const chosen = edge.s === s && edge.unit === unit;
      const size = Math.sqrt(Math.abs(edge.share));
      edge.path.setAttribute("class", `${edge.share < 0 ? "minus" : "plus"}${chosen ? " chosen" : ""}`);
      edge.path.style.strokeOpacity = chosen ? Math.max(0.5, size) : 0.1 + 0.5 * size;
      edge.path.style.strokeWidth = (chosen ? 1.4 : 0.7) + 2 * size;
    }
  }

  /** Dots along the strongest lines, against them when gradients flow back. */
  send(backward) {
    const best = [...(this.edges ?? [])].sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
    const each = Math.ceil(FLOWING / Math.max(this.stages.length - 1, 1));
    const lines = this.stages.flatMap((_, s) => best.filter((edge) => edge.s === s).slice(0, each));
    this.flow.send(lines.map(({ s, ends }) => ({ s, points: pointsOf(ends) })), this.stages.length, backward);
  }
}
