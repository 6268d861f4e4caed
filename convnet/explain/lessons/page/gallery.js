// Several images to look at in turn: each with what the network says of it, and with a circle around what its label is about.

import { answerOf } from "./learner.js";
import { draw, sliceScale } from "./picture.js";
import { el, roving, svg } from "./dom.js";
import { gridOf, sliceOf } from "./slices.js";
import { sizeOf } from "./places.js";
import { classNames, languageIndex, t } from "./i18n.js";
import { unpack } from "./unpack.js";

/** [row, column, radius] in pixels, as a circle over a picture of this shape. */
export function circle([row, column, radius], [H, W]) {
  return svg("svg", { class: "outline", viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true" }, svg("circle", { cx: column + 0.5, cy: row + 0.5, r: radius, class: "halo" }), svg("circle", { cx: column + 0.5, cy: row + 0.5, r: radius }));
}

export class Gallery {
  /** The images of the page, which need unpacking, or those of its classroom; null where it has neither. */
  static async open(network, learner) {
    const { gallery } = network.document;
    if (learner) return new Gallery(network, learner.classroom.shown.map((n) => ({ ...learner.test[n], known: () => false })), learner.classroom.own, () => t("shelf.title"));
    if (!gallery) return null;
    const { shape, data } = await unpack(gallery.x);
    const one = shape.slice(1);
    const size = sizeOf(one);
    const images = gallery.y.map((label, n) => ({ shape: one, data: data.subarray(n * size, (n + 1) * size), label, outline: gallery.outlines[n], known: () => false }));
    return new Gallery(network, images, 0, () => gallery.question[languageIndex()]);
  }

  /** own: which of the images is the page's own, of which it has the engine's numbers. */
  constructor(network, images, own, question) {
    Object.assign(this, { network, images, own, question, answers: [] });
    this.at = own;
    network.outline = (shape) => (this.images[this.at].outline ? circle(this.images[this.at].outline, shape) : null);
  }

  /** Look at image n; null is the page's own. */
  choose(n) {
    const next = this.images[n] ? n : this.own;
    if (next === this.at) return;
    this.at = next;
    this.network.look(next === this.own ? null : this.images[next]);
  }

  /** What the circles are, and whose numbers the page holds. */
  notes() {
    return [this.images.some((image) => image.outline) && t("gallery.outline"), this.images.length > 1 && t("gallery.other")].filter(Boolean).map((text) => el("p", { class: "hint" }, text));
  }

  /** The shelf; chosen(n) is called for another image. */
  element(chosen) {
    const buttons = this.images.map((image, n) => {
      const canvas = el("canvas", { class: "pixels" });
      const grid = gridOf(image.shape, sliceOf(0, image.shape));
      draw(canvas, image, grid, sliceScale(image, grid), image.data.every((v) => v >= 0));
      return el("button", { type: "button", "data-image": n, "aria-pressed": n === this.at, onclick: () => chosen(n) }, el("span", { class: "map-box" }, canvas, image.outline && circle(image.outline, image.shape)), el("span", { class: "answer" }));
    });
    const list = el("div", { class: this.images.length > 6 ? "shelf many" : "shelf", role: "group", "aria-label": t("gallery.title") }, ...buttons);
    roving(list, "button");
    setTimeout(() => this.mark(buttons)); // after the page is seen
    return el("section", { class: "gallery" }, el("h2", {}, this.question()), list);
  }

  mark(buttons) {
    const { network } = this;
    const names = classNames(network.document);
    buttons.forEach((button, n) => {
      this.answers[n] ??= this.answer(this.images[n]);
      const [answer, { label }] = [this.answers[n], this.images[n]];
      const wrong = answer !== label;
      button.classList.toggle("wrong", wrong);
      button.querySelector(".answer").textContent = wrong ? `✗ ${names[answer]}` : names[answer];
      button.setAttribute("aria-label", t(wrong ? "gallery.wrong" : "gallery.right", n + 1, names[label], names[answer]));
    });
  }

  /** The class that the network names; a single output is a probability, or a score, of class 1. */
  answer(image) {
    const { network } = this;
    const values = network.forward(network.weights(), undefined, image);
    const { data } = values[network.output];
    if (data.length > 1) return answerOf(values, network.output);
    return Number(data[0] > (network.steps.at(-1).operation === "sigmoid" ? 0.5 : 0));
  }
}
