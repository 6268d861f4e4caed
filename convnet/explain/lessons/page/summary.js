// What the network says of the page's image, and in which mode it was asked.

import { classNames, t } from "./i18n.js";
import { drawImage } from "./picture.js";
import { el } from "./dom.js";
import { percent, short } from "./format.js";

/** Training or inference, and what that changes in the layers that this network has. */
function modeOf({ training, layers }) {
  const mode = training ? "mode.training" : "mode.inference";
  const changed = [[/Dropout/, "dropout"], [/BatchNormalization/, "batchnorm"]].filter(([kind]) => layers.some((l) => kind.test(l)));
  const words = changed.map(([, name]) => t(`${mode}.${name}`)).join(t("mode.and"));
  return t(mode) + (words && t("mode.join", words));
}

/** The image, what the network says of it, and what it is. */
export function summary(network) {
  const { document, tensors, output } = network;
  const all = classNames(document);
  const image = tensors.get("x0");
  const canvas = el("canvas", { class: "pixels", role: "img", "aria-label": t("input") });
  drawImage(canvas, image);
  const scores = tensors.get(`x${output}`).data;
  const names = scores.length === 1 ? [all[1]] : all;
  const shares = scores.every((v) => v >= 0 && v <= 1);
  const own = (k) => (shares ? percent(scores[k]) : short(Number(scores[k].toPrecision(4))));
  const shown = document.calibrated ?? scores;
  const rows = names.map((name, k) =>
    el(
      "li",
      { class: k === document.answer || scores.length === 1 ? "top" : null },
      el("span", { class: "name" }, name, k === document.label && scores.length > 1 ? el("em", {}, ` ← ${t("truth")}`) : null),
      el("span", { class: "bar" }, el("span", { style: `width:${Math.min(Math.max(shown[k], 0), 1) * 100}%` })),
      el("span", { class: "share" }, document.calibrated ? `${percent(shown[k])} (${own(k)})` : own(k)),
    ),
  );
  const answers = el("ul", { class: names.length > 5 ? "two" : null }, ...rows);
  return el("section", { class: "summary" }, canvas, el("div", {}, el("h2", {}, t("answer")), answers, ...factsOf(network)));
}

/** Label, mode, and calibrated probabilities, in sentences. */
export function factsOf(network, { shares = false } = {}) {
  const { document } = network;
  const names = classNames(document);
  const truth = document.label_given || network.image ? t("truth.given", names[network.label]) : t("truth.own");
  const told = shares && document.calibrated && !network.image ? document.calibrated.map((p, k) => `${names.slice(-document.calibrated.length)[k]} ${percent(p)}`).join(", ") : "";
  return [el("p", { class: "hint" }, t("sentences", truth, modeOf(document))), document.calibrated && !network.image ? el("p", { class: "hint" }, t("calibrated"), told && ` ${told}`) : null].filter(Boolean);
}
