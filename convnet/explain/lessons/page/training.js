// The training as a film: filters and maps after each recorded epoch, and the epochs' figures.

import { draw, tensorScale } from "./picture.js";
import { el, roving, svg } from "./dom.js";
import { gridOf } from "./slices.js";
import { short } from "./format.js";
import { t } from "./i18n.js";
import { unpack } from "./unpack.js";

const PACE = 450; // milliseconds an epoch
const MOST_PICTURES = 64;
const DASHES = ["", "6 4", "2 3", "8 3 2 3"];

/** Figures that share an axis: losses, and shares between 0 and 1. */
function families(logs) {
  const names = [...new Set(logs.flatMap((entry) => Object.keys(entry)))];
  const isLoss = (name) => name.endsWith("loss");
  return [names.filter(isLoss), names.filter((name) => !isLoss(name))].filter((group) => group.length);
}

/** "val_loss" in the reader's language; names of the reader's own metrics stay. */
function figureName(name) {
  const plain = name.replace(/^val_/, "");
  const known = ["loss", "accuracy"].includes(plain) ? t(`figure.${plain}`) : plain;
  return plain === name ? known : t("figure.val", known);
}

function curves(names, epochs, logs, now) {
  const [W, H] = [560, 150];
  const all = names.flatMap((name) => logs.map((entry) => entry[name])).filter(Number.isFinite);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (e) => ((e - epochs[0]) / (epochs.at(-1) - epochs[0] || 1)) * W;
  const y = (v) => H - 6 - ((v - low) / (high - low || 1)) * (H - 12);
  const line = (name, i) => {
    const points = epochs.map((e, n) => [e, logs[n][name]]).filter(([, v]) => Number.isFinite(v));
    return svg("polyline", { points: points.map(([e, v]) => `${x(e)},${y(v)}`).join(" "), class: `curve c${i}`, "stroke-dasharray": DASHES[i % 4], "vector-effect": "non-scaling-stroke" });
  };
  const here = logs[epochs.indexOf(now)] ?? {};
  const key = names.map((name, i) => el("li", {}, svg("svg", { viewBox: "0 0 30 8" }, svg("line", { x1: 0, x2: 30, y1: 4, y2: 4, class: `curve c${i}`, "stroke-dasharray": DASHES[i % 4] })), ` ${figureName(name)} `, el("b", {}, Number.isFinite(here[name]) ? short(here[name]) : "–")));
  return el(
    "figure",
    { class: "curves" },
    svg("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", "aria-label": names.map(figureName).join(", ") }, ...names.map(line), epochs.includes(now) && svg("line", { x1: x(now), x2: x(now), y1: 0, y2: H, class: "now" })),
    el("p", { class: "hint" }, t("training.range", short(low), short(high), epochs[0], epochs.at(-1))),
    el("ul", { class: "key" }, ...key),
  );
}

export class Training {
  constructor(network) {
    this.network = network;
    this.record = network.document.recording;
    this.element = el("div", { class: "training" });
    this.frame = 0;
    this.layers = network.steps.map((step, i) => [step, i]).filter(([step]) => step.operation === "conv2d");
    this.layer = 0;
    this.channel = 0;
    this.frames = new Map();
  }

  /** The weights of a frame: the recorded ones, and the model's own for all others. */
  async weights(frame) {
    if (!this.frames.has(frame)) {
      const recorded = this.record.frames[frame];
      const all = [...this.network.weights()];
      for (const [i, entry] of Object.entries(recorded)) all[i] = await unpack(entry);
      this.frames.set(frame, all);
    }
    return this.frames.get(frame);
  }

  render() {
    this.stop();
    const title = el("h3", {}, t("view.training"));
    if (!this.record.epochs.length || !this.layers.length) return this.element.replaceChildren(title, ...this.howTo());
    const last = this.record.epochs.length - 1;
    this.button = el("button", { type: "button", class: "primary", "data-play": true, onclick: () => (this.timer ? this.stop() : this.play()) }, t("training.play"));
    this.slider = el("input", { type: "range", min: 0, max: last, value: this.frame, "aria-label": t("training.epoch"), oninput: (event) => { this.stop(); this.show(Number(event.target.value)); } });
    this.epoch = el("output", {});
    const names = el("div", { class: "segments", role: "group", "aria-label": t("step.layer") }, ...this.layers.map(([step], i) => el("button", { type: "button", "aria-pressed": i === this.layer, onclick: () => { this.layer = i; this.channel = 0; this.render(); } }, step.layer)));
    roving(names, "button");
    this.filters = el("div", { class: "tiles filters" });
    this.maps = el("div", { class: "tiles" });
    this.figures = el("div", { class: "figures" });
    const kept = this.record.kept;
    return [
      this.element.replaceChildren(
        title,
        el("p", { class: "note" }, t("training.intro"), kept ? ` ${t("training.kept", kept)}` : ""),
        el("div", { class: "toolbar" }, this.button, this.slider, this.epoch),
        el("div", { class: "toolbar" }, names, this.channels()),
        el("h4", {}, t("training.filters")), this.filters,
        el("h4", {}, t("training.maps")), this.maps,
        el("h4", {}, t("training.curves")), this.figures,
      ),
      this.show(this.frame),
    ];
  }

  /** Which input channel of the kernels is shown. */
  channels() {
    const [step] = this.layers[this.layer];
    const count = this.network.document.parameters[step.parameters[0]].shape[2];
    if (count === 1) return null;
    return el("label", { class: "choice" }, `${t("training.channel")} `, el("input", { type: "number", min: 0, max: count - 1, value: this.channel, onchange: (event) => { this.channel = Math.min(Math.max(Math.round(event.target.value) || 0, 0), count - 1); this.show(this.frame); } }));
  }

  howTo() {
    return [
      el("p", { class: "note" }, t("training.none")),
      el("pre", { tabindex: 0 }, el("code", {}, "convnet train … --record run.safetensors\nconvnet explain model.safetensors IMAGE --record run.safetensors --html lesson.html")),
      el("p", {}, t("training.python")),
      el("pre", { tabindex: 0 }, el("code", {}, "recorder = convnet.callbacks.Recorder()\nmodel.fit(x, y, epochs=10, callbacks=[recorder])\nconvnet.explain.lesson(model, image, label, recorder=recorder).save(\"lesson.html\")")),
    ];
  }

  async show(frame) {
    this.frame = frame;
    const weights = await this.weights(frame);
    if (this.frame !== frame) return; // the reader has moved on
    const [step, index] = this.layers[this.layer];
    const kernel = weights[step.parameters[0]];
    const F = Math.min(kernel.shape[3], MOST_PICTURES);
    const next = this.network.steps[index + 1];
    const last = next && next.layer === step.layer ? index + 1 : index;
    const map = this.network.forward(weights, last)[this.network.steps[last].output];
    this.slider.value = frame;
    const epoch = this.record.epochs[frame];
    this.epoch.textContent = epoch ? `${t("training.epoch")} ${epoch}` : t("training.before");
    this.element.dataset.epoch = this.record.epochs[frame];
    this.paint(this.filters, F, kernel, (f) => [Math.min(this.channel, kernel.shape[2] - 1), f]);
    this.paint(this.maps, F, map, (f) => [f]);
    const { all_epochs: epochs, logs } = this.record;
    const [numbers, figures] = [epochs.filter((e) => e > 0), logs.filter((_, i) => epochs[i] > 0)];
    this.figures.replaceChildren(...families(figures).map((names) => curves(names, numbers, figures, this.record.epochs[frame])));
  }

  paint(box, count, tensor, sliceFor) {
    while (box.children.length > count) box.lastChild.remove();
    while (box.children.length < count) box.append(el("canvas", { class: "pixels", role: "img", "aria-label": `f = ${box.children.length}` }));
    const scale = tensorScale(tensor);
    [...box.children].forEach((canvas, f) => draw(canvas, tensor, gridOf(tensor.shape, sliceFor(f)), scale));
  }

  play() {
    if (this.frame === this.record.epochs.length - 1) this.frame = -1;
    this.button.textContent = t("training.pause");
    const next = async () => {
      await this.show(this.frame + 1);
      if (!this.timer) return;
      if (this.frame >= this.record.epochs.length - 1) this.stop();
      else this.timer = setTimeout(next, PACE);
    };
    this.timer = setTimeout(next, 0);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.button) this.button.textContent = t("training.play");
  }
}
