// Training by the page: one step, a hundred, on one image; the loss as a curve, and the engine's numbers beside it.

import { el, svg } from "./dom.js";
import { percent, short, small } from "./format.js";
import { t } from "./i18n.js";

const [WIDTH, HEIGHT] = [240, 90];
const WORK = 6; // milliseconds a frame
const PICTURE = 6; // frames from one picture of the network to the next

export class TrainPanel {
  /** changed(backward): the parameters are others. */
  constructor(learner, { changed, image }) {
    Object.assign(this, { learner, changed, image });
    const button = (key, action, kind, mark) => el("button", { type: "button", class: kind, onclick: action, "data-train": mark, "data-tour": `train-${mark}` }, t(key));
    this.hundred = button("train.hundred", () => (this.running ? this.stop() : this.train(100)), "primary", "hundred");
    this.one = button("train.one", () => this.train(1), "quiet", "one");
    this.single = button("train.single", () => this.learnThis(), "quiet", "single");
    const names = Object.keys(learner.starts);
    this.from = el("div", { class: "segments", role: "group", "aria-label": t("train.from") }, ...names.map((name) => el("button", { type: "button", "data-start": name, "aria-pressed": name === learner.started, onclick: () => this.begin(name) }, t(`train.${name}`))));
    this.count = el("p", { class: "train-count", role: "status", "data-tour": "accuracy" });
    this.curve = svg("svg", { class: "loss-curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    this.loss = el("p", { class: "hint", "data-loss-line": true });
    this.check = el("p", { class: "check none" });
    this.element = el("section", { class: "train", "aria-label": t("train.title") }, el("h2", {}, t("train.title")), this.from, this.count, el("div", { class: "train-buttons" }, this.hundred, this.one, this.single), el("p", { class: "hint" }, t("train.curve.title")), this.curve, this.loss, this.check);
    this.report();
  }

  begin(name) {
    this.stop();
    this.learner.begin(name);
    for (const button of this.from.children) button.setAttribute("aria-pressed", button.dataset.start === name);
    this.report();
    this.changed(false);
  }

  learnThis() {
    const image = this.image();
    if (this.running || image.label === null) return;
    this.learner.stepOn(image);
    this.report();
    this.changed(true);
  }

  /** So many steps, a little of them in every frame; the picture follows some frames later. */
  train(steps) {
    if (this.running) return;
    this.running = true;
    this.hundred.textContent = t("train.stop");
    let [left, frame, work] = [steps, 0, this.learner.stepping()];
    const advance = () => {
      if (!this.running) return;
      const begun = performance.now();
      while (left > 0 && performance.now() - begun < WORK)
        if (work.next().done) {
          left--;
          work = this.learner.stepping();
        }
      if (left === 0) {
        this.stop();
        this.changed(true);
        return;
      }
      if (frame++ % PICTURE === 0) {
        this.report(false);
        this.changed(true);
      }
      requestAnimationFrame(advance);
    };
    advance();
  }

  stop() {
    this.running = false;
    this.hundred.textContent = t("train.hundred");
    this.report();
  }

  /** How good the network is, over all test images where there is time. */
  report(all = true) {
    const { learner } = this;
    if (all) {
      const right = learner.right(learner.test);
      this.count.replaceChildren(el("b", { "data-right": right, "data-guess": (100 * right) / learner.test.length }, percent(right / learner.test.length)), ` ${t("train.right", right, learner.test.length)}`);
    }
    this.draw();
    this.loss.textContent = learner.losses.length ? t("train.loss", learner.taken, short(learner.losses.at(-1))) : learner.taken ? t("train.steps", learner.taken) : t("train.before");
    this.allow(this.image());
    this.compare();
  }

  /** A drawing has no label to learn from. */
  allow(image) {
    this.single.disabled = image.label === null;
  }

  draw() {
    const { losses } = this.learner;
    const most = Math.max(...losses, 0.1);
    const x = (n) => (n / Math.max(losses.length - 1, 99)) * WIDTH;
    const points = losses.map((v, n) => `${x(n).toFixed(1)},${(HEIGHT - 4 - (v / most) * (HEIGHT - 8)).toFixed(1)}`).join(" ");
    this.curve.replaceChildren(svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 4, y2: HEIGHT - 4, class: "zero" }), svg("polyline", { points, class: "curve", "vector-effect": "non-scaling-stroke" }));
    this.curve.setAttribute("aria-label", losses.length ? t("train.curve", losses.length, short(losses[0]), short(losses.at(-1))) : t("train.nocurve"));
  }

  /** The last loss beside the engine's, in both of its precisions. */
  compare() {
    const { learner } = this;
    const engine = learner.engine();
    this.check.hidden = !learner.taken;
    if (!engine) {
      this.check.className = "check none";
      this.check.textContent = t("train.strayed");
      return;
    }
    const n = learner.losses.length - 1;
    const [page, wide, narrow] = [learner.losses[n], engine.float64[n], engine.float32[n]];
    const difference = Math.abs(page - wide);
    const { bound } = learner.classroom;
    const good = difference <= bound;
    this.check.className = `check ${good ? "ok" : "bad"}`;
    Object.assign(this.check.dataset, { page, kernel: wide, bound });
    this.check.textContent = t(good ? "train.same" : "train.other", small(difference), small(bound), small(Math.abs(wide - narrow)));
  }
}
