// One screen: choose or draw a digit, see the whole network work on it, take one number apart, train it here.

import { accountOf, SumStrip } from "./playground-sum.js";
import { el } from "./dom.js";
import { Flow } from "./flow.js";
import { Images } from "./playground-images.js";
import { isStill } from "./motion.js";
import { lay, Slide } from "./slide.js";
import { Maps } from "./playground-maps.js";
import { note, state } from "./state.js";
import { nameOf, sharesOf, sourcesOf, stagesOf } from "./stages.js";
import { t } from "./i18n.js";
import { TrainPanel } from "./playground-train.js";

const FLOWING = 36; // dots
const LINES = 150; // milliseconds between two pictures of the lines

export class Playground {
  constructor(learner) {
    this.learner = learner;
    this.network = learner.network;
    this.stages = stagesOf(this.network);
    this.element = el("div", { class: "playground" });
    this.image = learner.test[learner.classroom.shown[0]];
    this.choice = null;
  }

  /** The image and the number that the address names. */
  arrive() {
    const { shown } = this.learner.classroom;
    this.image = this.learner.test[shown[state.image ?? 0] ?? shown[0]];
    const s = this.stages.findIndex((stage) => stage.made === state.step);
    const { units, shape } = this.stages[s] ?? {};
    const fits = s > 0 && Number.isInteger(state.at) && state.at >= 0 && state.at < shape.reduce((product, n) => product * n, 1);
    this.choice = fits ? { s, unit: state.at % units, at: state.at } : null;
  }

  render() {
    this.stop();
    this.images = new Images(this.learner, (image) => this.look(image));
    this.maps = new Maps(this.network, this.stages, {
      picked: (s, unit, at) => this.pick(s, unit, at),
      hovered: (s, unit) => this.hover(s, unit),
      left: () => !this.playing && this.slide?.stop(),
    });
    this.flow = new Flow(this.maps.element);
    this.strip = new SumStrip(this.tools());
    this.training = new TrainPanel(this.learner, { changed: (backward) => this.learned(backward), image: () => this.image });
    this.element.replaceChildren(this.images.element, el("div", { class: "middle" }, this.maps.element, this.strip.element), this.training.element);
    if (this.shownAt() >= 0) this.images.press(this.shownAt());
    this.images.mark();
    this.here = false; // the address keeps its place until the reader chooses another
    this.refresh(null);
    this.here = true;
  }

  /** Which of the images on the shelf it is; −1 for a drawing. */
  shownAt() {
    return this.learner.classroom.shown.findIndex((n) => this.learner.test[n] === this.image);
  }

  /** The parameters are others. */
  learned(backward) {
    if (!this.training.running) this.images.mark();
    this.refresh(backward);
  }

  tools() {
    const button = (key, action, mark) => el("button", { type: "button", class: "quiet", onclick: action, "data-walk": mark, "aria-label": mark === "play" ? null : t(key) }, t(`${key}.short`));
    this.player = button("walk.play", () => this.play(), "play");
    this.player.hidden = isStill();
    this.backward = button("walk.back", () => this.walk(-1), "back");
    this.onward = button("walk.on", () => this.walk(1), "on");
    return el("div", { class: "walk" }, this.backward, this.player, this.onward);
  }

  /** Another image; a drawing changes more often than the screen does. */
  look(image) {
    this.image = image;
    this.fresh = true;
    this.training.allow(image);
    if (image.label !== null) return this.refresh(false);
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.refresh(null);
    });
    return undefined;
  }

  /** Everything anew from the present image and parameters. backward: what flows; null for nothing. */
  refresh(backward) {
    this.values = this.learner.forward(this.image);
    this.maps.show(this.values, this.image.label);
    if (this.fresh && this.choice) this.choice.at = this.brightest(this.choice.s, this.choice.unit);
    this.fresh = false;
    this.choice ??= this.strongest();
    if (this.image.label === null) this.weighSoon();
    else this.weigh();
    this.open(this.choice);
    if (backward !== null && !(backward && this.flow.goesBack)) this.flow.send(this.maps.strongest(FLOWING), this.stages.length, backward);
  }

  /** The largest number of the first layer. */
  strongest() {
    const { data } = this.values[this.stages[1].value];
    const at = data.indexOf(Math.max(...data));
    return { s: 1, unit: at % this.stages[1].units, at };
  }

  /** While a digit is being drawn: the lines need not follow every frame. */
  weighSoon() {
    this.weighing ??= setTimeout(() => {
      this.weighing = null;
      this.weigh();
    }, LINES);
  }

  /** How much each line carries: into the largest number of the unit that it leads to. */
  weigh() {
    const found = this.stages.map((stage, s) => {
      if (s === 0) return null;
      const shares = Array.from({ length: stage.units }, (_, unit) => this.shares(s, unit));
      const most = Math.max(...shares.flatMap((each) => [...each.values()].map(Math.abs))) || 1;
      return { shares, most };
    });
    this.maps.strengths((s, from, unit) => (found[s].shares[unit].get(from) ?? 0) / found[s].most);
  }

  shares(s, unit) {
    const stage = this.stages[s];
    const { data } = this.values[this.network.steps[stage.made].output];
    let best = unit;
    for (let at = unit; at < data.length; at += stage.units) if (data[at] > data[best]) best = at;
    const before = this.stages[s - 1];
    return sharesOf(accountOf(this.network, this.values, this.learner.weights, stage, best).account, stage, before, sourcesOf(this.network, this.stages, s, unit));
  }

  pick(s, unit, at) {
    this.stop();
    this.open({ s, unit, at: at ?? this.brightest(s, unit) });
    this.strip.fly();
  }

  /** A unit's largest number. */
  brightest(s, unit) {
    const { data } = this.values[this.stages[s].value];
    let best = unit;
    for (let at = unit; at < data.length; at += this.stages[s].units) if (data[at] > data[best]) best = at;
    return best;
  }

  /** The unit of a column with the largest number. */
  brightestUnit(s) {
    const { data } = this.values[this.stages[s].value];
    return data.indexOf(Math.max(...data)) % this.stages[s].units;
  }

  /** Show one number's sum, with its window on the maps before. */
  open(choice, page = 0) {
    const { s, unit, at } = choice;
    this.choice = choice;
    const stage = this.stages[s];
    this.maps.choose(s, unit);
    const found = accountOf(this.network, this.values, this.learner.weights, stage, at);
    this.strip.show(found, nameOf(this.network, stage), s === 1 && stage.isMap, page);
    this.frames().forEach((frame, n) => lay(frame, this.boxes(at)[n]));
    this.player.disabled = !stage.isMap;
    for (const button of [this.backward, this.onward]) button.disabled = !stage.isMap && this.strip.pages < 2;
    if (this.here) note({ step: stage.made, pass: "forward", at, image: this.shownAt() < 0 ? null : this.shownAt() });
  }

  /** The frames that a map's window and its output have, the others hidden. */
  frames() {
    const { s, unit } = this.choice;
    const stage = this.stages[s];
    for (const frame of this.maps.element.querySelectorAll(".window")) frame.hidden = true;
    const before = this.stages[s - 1];
    const sources = before.isMap ? sourcesOf(this.network, this.stages, s, unit) : [];
    const read = [...new Set(sources.map((from) => this.maps.unitElement(s - 1, from).querySelector(".window")))];
    return stage.isMap ? [...read, this.maps.unitElement(s, unit).querySelector(".window")] : read;
  }

  /** Where the frames of `frames` lie for number `at`, in shares of their maps. */
  boxes(at) {
    const { s, unit } = this.choice;
    const [stage, before] = [this.stages[s], this.stages[s - 1]];
    if (!before.isMap) return [];
    const count = s === 1 ? 1 : sourcesOf(this.network, this.stages, s, unit).length;
    const window = this.window(at);
    const own = () => {
      const [H, W, C] = stage.shape;
      const [i, j] = [Math.floor(at / C / W), Math.floor(at / C) % W];
      return [j / W, i / H, 1 / W, 1 / H];
    };
    return [...Array.from({ length: count }, () => window), ...(stage.isMap ? [own()] : [])];
  }

  /** The window of a number, cut off where it lies in the padding. */
  window(at) {
    const { s } = this.choice;
    const [stage, before] = [this.stages[s], this.stages[s - 1]];
    const step = this.network.steps[stage.made];
    const [H, W] = before.shape;
    const taps = step.settings.size ?? (step.operation === "conv2d" ? this.learner.weights[step.parameters[0]].shape.slice(0, 2) : [H, W]);
    const { stride = [1, 1], padding = [[0, 0], [0, 0]], dilation = [1, 1] } = step.settings;
    const shape = this.network.document.values[step.output].shape;
    const place = shape.length === 3 ? [Math.floor(at / shape[2] / shape[1]), Math.floor(at / shape[2]) % shape[1]] : [0, 0];
    const edge = (axis, size) => {
      const low = stride[axis] * place[axis] - padding[axis][0];
      const high = low + dilation[axis] * (taps[axis] - 1) + 1;
      return [Math.max(low, 0) / size, Math.min(high, size) / size];
    };
    const [[top, bottom], [left, right]] = [edge(0, H), edge(1, W)];
    return [left, top, right - left, bottom - top];
  }

  /** The places of the chosen map, one after the other. */
  slideOver() {
    const { unit, at, s } = this.choice;
    const { units, shape } = this.stages[s];
    const flat = (n) => n * units + unit;
    this.slide = new Slide({
      places: shape[0] * shape[1], at: (at - unit) / units, frames: this.frames(), boxes: (n) => this.boxes(flat(n)),
      arrive: (n, done) => {
        this.open({ s, unit, at: flat(n) });
        this.strip.fly(done);
      },
    });
    this.slide.start();
  }

  hover(s, unit) {
    if (this.playing || isStill() || !this.stages[s].isMap) return;
    this.slide?.stop();
    if (this.choice.s !== s || this.choice.unit !== unit) this.open({ s, unit, at: unit });
    this.slideOver();
  }

  play() {
    const on = !this.playing;
    this.stop();
    this.playing = on;
    this.player.textContent = t(on ? "walk.stop" : "walk.play.short");
    if (on) this.slideOver();
  }

  /** The next place of a map; of a single number, which sums over channels, the next channel. */
  walk(by) {
    this.stop();
    const { s, unit, at } = this.choice;
    const { units, shape, isMap } = this.stages[s];
    const places = isMap ? shape[0] * shape[1] : 1;
    const page = (this.strip.page + by + this.strip.pages) % this.strip.pages;
    this.open({ s, unit, at: ((((at - unit) / units + by + places) % places) * units) + unit }, isMap ? 0 : page);
    this.strip.fly();
  }

  stop() {
    this.slide?.stop();
    this.playing = false;
    if (this.player) this.player.textContent = t("walk.play.short");
  }

  /** The reader goes to another view. */
  leave() {
    this.stop();
    this.training?.stop();
    this.flow?.hide();
  }
}
