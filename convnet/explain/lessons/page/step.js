// One step of an optimizer: weights, map and loss before and after. The first step takes the kernels' gradients, so
// its weights can be held against the kernels'; later ones are computed by this page alone.

import { cell, full, short, small } from "./format.js";
import { codeView, formulaOf } from "./code.js";
import { el, roving } from "./dom.js";
import { letter } from "./names.js";
import { Panel } from "./panel.js";
import { placeOf } from "./places.js";
import { sliceOf } from "./slices.js";
import { go, state } from "./state.js";
import { classNames, t } from "./i18n.js";
import { UPDATES } from "./updates.js";

const RATES = [0.0001, 0.001, 0.01, 0.1, 1];

export class StepView {
  constructor(network) {
    this.network = network;
    this.element = el("div", { class: "learning" });
    this.optimizer = Object.keys(network.document.optimizers)[0];
    this.rate = this.settings.lr;
    this.parameter = network.document.parameters.findIndex((p) => p.shape.length >= 2);
    this.at = 0;
    this.reset();
  }

  get settings() {
    return this.network.document.optimizers[this.optimizer].settings;
  }

  reset() {
    this.taken = 0;
    this.start = this.network.weights();
    this.weights = this.start;
    this.moments = this.start.map(() => null);
    this.values = null;
  }

  /** The gradient of each weight: the kernels' at the start, then the page's own. */
  gradients() {
    if (this.taken) return this.network.backward(this.values, this.weights, state.loss).dp;
    const total = [];
    this.network.steps.forEach((step, i) => {
      const c = this.network.context(i, state.loss);
      step.parameters.forEach((p, n) => {
        const share = c[`dp${n}`];
        if (!share || !step.trains) return;
        if (total[p]) share.data.forEach((v, e) => (total[p].data[e] += v));
        else total[p] = { shape: share.shape, data: Float64Array.from(share.data) };
      });
    });
    return total;
  }

  take() {
    const gradients = this.gradients();
    this.gradient = gradients;
    const update = UPDATES[this.optimizer];
    this.bounds = [];
    this.weights = this.weights.map((weight, i) => {
      if (!gradients[i]) return weight;
      const settings = { ...this.settings, lr: this.rate };
      const data = new Float64Array(weight.data.length);
      const bounds = new Float64Array(weight.data.length);
      this.moments[i] ??= Array.from({ length: weight.data.length }, () => [0, 0]);
      for (let e = 0; e < data.length; e++)
        [data[e], this.moments[i][e], bounds[e]] = update(weight.data[e], gradients[i].data[e], this.moments[i][e], settings, this.taken + 1, this.network.dtype);
      this.bounds[i] = bounds;
      return { shape: weight.shape, data, known: () => false };
    });
    this.taken++;
    this.values = this.network.forward(this.weights);
  }

  render() {
    if (this.loss !== state.loss) this.reset();
    this.loss = state.loss;
    const { document } = this.network;
    this.element.replaceChildren(
      el("h3", {}, t("view.step")),
      el("p", { class: "note" }, t("step.intro")),
      formulaOf(document.codes, document.optimizers[this.optimizer].code.forward),
      this.controls(),
      this.outcome(),
      this.layer(),
      codeView(document.codes, document.optimizers[this.optimizer].code.forward),
    );
  }

  controls() {
    const { document } = this.network;
    const losses = Object.keys(document.losses).map((name) => el("option", { value: name, selected: name === state.loss }, t(`loss.${name}`)));
    const both = el("div", { class: "segments", role: "group", "aria-label": t("step.optimizer") }, ...Object.keys(document.optimizers).map((name) =>
      el("button", { type: "button", "aria-pressed": name === this.optimizer, "data-optimizer": name, onclick: () => this.choose(name) }, t(`step.${name}`))));
    roving(both, "button");
    const rates = [...new Set([...RATES, this.settings.lr])].sort((a, b) => a - b);
    return el(
      "div",
      { class: "toolbar" },
      el("label", { class: "choice" }, `${t("loss")} `, el("select", { onchange: (event) => go({ loss: event.target.value }) }, ...losses)),
      both,
      el("label", { class: "choice" }, `${t("step.rate")} `, el("select", { onchange: (event) => { this.rate = Number(event.target.value); this.reset(); this.render(); } }, ...rates.map((rate) => el("option", { value: rate, selected: rate === this.rate }, rate)))),
      el("button", { type: "button", class: "primary", "data-take": true, onclick: (event) => this.press(event.target) }, t("step.take")),
      el("button", { type: "button", class: "quiet", onclick: () => { this.reset(); this.render(); } }, t("step.reset")),
      el("span", { class: "hint", role: "status" }, this.taken ? t("step.count", this.taken) : ""),
    );
  }

  choose(name) {
    this.optimizer = name;
    this.rate = this.settings.lr;
    this.reset();
    this.render();
  }

  press(button) {
    button.disabled = true;
    button.textContent = t("step.busy");
    setTimeout(() => {
      this.take();
      this.render();
      this.element.querySelector("[data-take]").focus({ preventScroll: true });
    }, 20);
  }

  /** Loss and probabilities, before and after. */
  outcome() {
    const { document, tensors, output } = this.network;
    const before = document.losses[state.loss].value;
    const after = this.taken ? this.network.lossOf(this.values, state.loss) : null;
    const [from, to] = [tensors.get(`x${output}`).data, this.values?.[output].data];
    const names = from.length === 1 ? [classNames(document)[1]] : classNames(document);
    const bar = (v, kind) => el("span", { class: `bar ${kind}` }, el("span", { style: `width:${Math.min(Math.max(v, 0), 1) * 100}%` }));
    const rows = names.map((name, k) => el("tr", {}, el("th", {}, name), el("td", {}, bar(from[k], "before"), to ? bar(to[k], "after") : null), el("td", {}, short(from[k])), el("td", {}, to ? short(to[k]) : "")));
    return el(
      "section",
      { class: "outcome" },
      el("div", { class: "big", "data-before": before, "data-after": after }, el("h4", {}, t("step.loss")), el("p", {}, short(before), after === null ? "" : " → ", after === null ? "" : el("b", {}, short(after))), this.kernelLoss(after)),
      el("table", {}, el("thead", {}, el("tr", {}, el("td"), el("td"), el("th", {}, t("step.before")), to ? el("th", {}, t("step.after")) : el("td"))), el("tbody", {}, ...rows)),
    );
  }

  kernelLoss(after) {
    if (after === null) return null;
    const { settings, loss_after: ends } = this.network.document.optimizers[this.optimizer];
    if (this.taken !== 1 || this.rate !== settings.lr) return el("p", { class: "hint" }, t("step.nokernel", settings.lr));
    const kernel = ends[state.loss];
    return el("p", { class: "hint", "data-kernel-loss": kernel }, t("step.kernel", full(kernel, this.network.dtype), small(Math.abs(kernel - after))));
  }

  /** One layer's weights and what they make of the image. */
  layer() {
    const { document } = this.network;
    const choices = document.parameters.map((p, i) => [p, i]).filter(([p]) => p.shape.length >= 2);
    const select = el("select", { onchange: (event) => { this.parameter = Number(event.target.value); this.at = 0; this.render(); } }, ...choices.map(([p, i]) => el("option", { value: i, selected: i === this.parameter }, p.name)));
    const [before, after] = [this.start[this.parameter], this.weights[this.parameter]];
    this.panels = [this.panel(before, t("step.before"), true)];
    if (this.taken) {
      const change = { shape: before.shape, data: after.data.map((v, i) => v - before.data[i]), known: () => false };
      this.panels.push(this.panel(after, t("step.after")), this.panel(change, t("step.change")));
    }
    this.maps = el("div", { class: "stage of-2" });
    this.weight = el("div");
    const row = el("div", { class: `stage of-${this.panels.length}` }, ...this.panels.map((panel) => panel.element));
    const section = el("section", {}, el("div", { class: "toolbar" }, el("label", { class: "choice" }, `${t("step.layer")} `, select)), el("h4", {}, t("step.filters")), row, this.weight, this.maps);
    this.update();
    return section;
  }

  get operation() {
    return this.network.steps.find((step) => step.parameters.includes(this.parameter));
  }

  panel(tensor, role, pick = false) {
    const place = this.operation.parameters.indexOf(this.parameter);
    const name = `p${place}`;
    const look = (slice) => {
      const at = placeOf(this.at, tensor.shape);
      slice.forEach((v, n) => (at[tensor.shape.length - slice.length + n] = v));
      this.at = at.reduce((flat, v, axis) => flat * tensor.shape[axis] + v, 0);
      this.update();
    };
    const options = { sliced: look, ...(pick ? { pick: (at) => { this.at = at; this.update(); } } : {}) };
    const made = new Panel({ tensor, name, operation: this.operation.operation, title: letter(this.operation.operation, name), role, ...options });
    if (!pick) made.chooser.hidden = true; // the first picture's chooser is for all
    return made;
  }

  update() {
    const tensor = this.start[this.parameter];
    const slice = sliceOf(this.at, tensor.shape);
    this.panels.forEach((panel) => panel.update({ slice, selected: this.at }));
    this.weight.replaceChildren(...this.arithmetic(tensor));
    this.showMaps();
  }

  /** w - eta * g = w', and the kernel's w'. */
  arithmetic(tensor) {
    const out = [el("p", { class: "hint" }, t("step.weight"))];
    if (!this.taken || !this.gradient[this.parameter]) return out;
    const name = cell(letter(this.operation.operation, "p0"), placeOf(this.at, tensor.shape));
    const after = this.weights[this.parameter].data[this.at];
    const gradient = this.gradient[this.parameter].data[this.at];
    const text = this.optimizer === "sgd" && this.taken === 1 ? `${short(tensor.data[this.at])} − ${this.rate} · ${short(gradient)}` : short(tensor.data[this.at]);
    out.push(el("p", { class: "result" }, `${name}: ${text} ${this.optimizer === "sgd" && this.taken === 1 ? "=" : "→"} `, el("b", {}, short(after)), el("small", {}, ` d${name} = ${short(gradient)}`)));
    const kernel = this.network.tensors.get(`${state.loss} ${this.optimizer} p${this.parameter}`);
    if (kernel && this.taken === 1 && this.rate === this.settings.lr) {
      const difference = Math.abs(after - kernel.data[this.at]);
      const bound = this.bounds[this.parameter][this.at];
      const good = difference <= bound;
      out.push(el("p", { class: `check ${good ? "ok" : "bad"}`, "data-shown": after, "data-kernel": kernel.data[this.at], "data-bound": bound }, t(good ? "check.ok" : "check.bad", full(kernel.data[this.at], this.network.dtype), this.network.dtype, small(difference), small(bound))));
    }
    return out;
  }

  /** The map that the chosen filter makes of the image, before and after. */
  showMaps() {
    const step = this.operation;
    const shape = this.network.document.values[step.output].shape;
    if (shape.length !== 3) return this.maps.replaceChildren();
    const slice = [sliceOf(this.at, this.start[this.parameter].shape).at(-1)];
    const show = (tensor, role) => {
      const panel = new Panel({ tensor, name: "y", operation: step.operation, title: "y", role: `${t("step.maps")} · ${role}`, sliced: () => {} });
      panel.chooser.remove();
      panel.update({ slice });
      return panel.element;
    };
    const pictures = [show(this.network.tensors.get(`x${step.output}`), t("step.before"))];
    if (this.taken) pictures.push(show(this.values[step.output], t("step.after")));
    return this.maps.replaceChildren(...pictures);
  }
}
