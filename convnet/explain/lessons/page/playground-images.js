// What the network looks at: test images to choose from, those it names wrongly marked, and a pad to draw on.

import { draw } from "./picture.js";
import { el, roving } from "./dom.js";
import { gridOf } from "./slices.js";
import { imageOf } from "./ink.js";
import { Pad } from "./pad.js";
import { t } from "./i18n.js";

export class Images {
  /** chosen(image): an image of the data set, or a drawing, whose label is null. */
  constructor(learner, chosen) {
    Object.assign(this, { learner, chosen });
    this.images = learner.classroom.shown.map((n) => learner.test[n]);
    this.buttons = this.images.map((image, n) => this.button(image, n));
    this.list = el("div", { class: "shelf", role: "group", "aria-label": t("shelf.title"), "data-tour": "shelf" }, ...this.buttons);
    roving(this.list, "button");
    this.element = el("section", { class: "images" }, el("h2", {}, t("shelf.title")), this.list, ...this.drawing());
  }

  button(image, n) {
    const canvas = el("canvas", { class: "pixels" });
    draw(canvas, image, gridOf(image.shape, [0]), 1, true);
    return el("button", { type: "button", "data-image": n, "aria-pressed": false, onclick: () => this.choose(n) }, canvas, el("span", { class: "answer" }));
  }

  /** A pad, for images of the size that drawings are brought to. */
  drawing() {
    if (this.images[0].shape.join() !== imageOf([]).shape.join()) return [];
    this.pad = new Pad((strokes) => {
      this.press(null);
      this.chosen({ ...imageOf(strokes), label: null });
    });
    const clear = el("button", { type: "button", class: "quiet", "data-clear": true, onclick: () => this.pad.clear() }, t("pad.clear"));
    return [el("h2", {}, t("pad.title"), " ", clear), this.pad.element];
  }

  choose(n) {
    this.press(n);
    this.chosen(this.images[n]);
  }

  press(n) {
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === n));
  }

  /** Which of them the network names wrongly now. */
  mark() {
    const { classes } = this.learner.network.document;
    this.images.forEach((image, n) => {
      const answer = this.learner.answer(image);
      const wrong = answer !== image.label;
      const button = this.buttons[n];
      button.classList.toggle("wrong", wrong);
      button.querySelector(".answer").textContent = wrong ? `✗ ${classes[answer]}` : classes[answer];
      button.setAttribute("aria-label", t(wrong ? "shelf.wrong" : "shelf.right", classes[image.label], classes[answer]));
    });
  }
}
