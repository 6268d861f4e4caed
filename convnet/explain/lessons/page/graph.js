// The network as a row of cards, one a step, with a picture of what comes out of it, or of its gradient.

import { dims, tiny } from "./format.js";
import { draw, tensorScale } from "./picture.js";
import { el, roving, svg } from "./dom.js";
import { gridOf, sliceOf } from "./slices.js";
import { passesOf } from "./operations.js";
import { plainName, settingsText } from "./names.js";
import { go, state } from "./state.js";
import { t } from "./i18n.js";

const [CARD, GAP] = [98, 22]; // pixels, as in style.css

/** The slice with the largest number in it. */
export function liveliest(tensor) {
  if (tensor.lively) return tensor.lively;
  let best = 0;
  for (let i = 1; i < tensor.data.length; i++) if (Math.abs(tensor.data[i]) > Math.abs(tensor.data[best])) best = i;
  tensor.lively = sliceOf(best, tensor.shape);
  return tensor.lively;
}

function thumbnail(tensor, photo) {
  const canvas = el("canvas", { class: "pixels" });
  draw(canvas, tensor, gridOf(tensor.shape, liveliest(tensor)), tensorScale(tensor), photo);
  return canvas;
}

/** Passing a skipped connection: an arc above the cards. */
function arcs(network) {
  const found = [];
  network.steps.forEach((step, i) =>
    step.inputs.forEach((v) => {
      const from = network.steps.findIndex((s) => s.output === v); // -1: the image
      if (from !== i - 1) found.push([from + 1, i + 1]);
    }),
  );
  if (!found.length) return null;
  const middle = (card) => card * (CARD + GAP) + CARD / 2;
  const width = (network.steps.length + 2) * (CARD + GAP);
  const paths = found.map(([a, b]) => svg("path", { d: `M ${middle(a)} 34 C ${middle(a)} 4 ${middle(b)} 4 ${middle(b)} 34` }));
  return svg("svg", { class: "arcs", width, height: 36, viewBox: `0 0 ${width} 36`, "aria-hidden": "true" }, ...paths);
}

function card(number, name, sub, shape, tensor, photo, current, onclick) {
  return el(
    "button",
    { type: "button", class: "card", "aria-current": current ? "step" : null, onclick, "data-step": number },
    tensor?.data.length > 1 ? thumbnail(tensor, photo) : el("span", { class: "dot" }, tensor ? tiny(tensor.data[0]) : "L"),
    el("b", {}, name),
    el("span", {}, sub),
    el("small", {}, shape),
  );
}

export function graph(network) {
  const { document } = network;
  const backward = state.pass !== "forward";
  const seen = (v) => network.tensors.get(backward ? `${state.loss} dx${v}` : `x${v}`);
  const open = (step) => () => {
    const names = passesOf(network.step(step, state.loss));
    go({ step, pass: !backward ? "forward" : names.includes(state.pass) ? state.pass : "dx0", at: null });
  };
  const first = seen(0);
  const cards = [
    card(-1, t("input"), "", dims(document.values[0].shape), first, !backward && first.data.every((v) => v >= 0), false, open(0)),
    ...network.steps.map((step, i) =>
      card(i, plainName(step.operation), step.layer, dims(document.values[step.output].shape), seen(step.output), false, state.step === i, open(i)),
    ),
    card(network.steps.length, t("loss"), t(`loss.${state.loss}`).split(/[,，]/)[0], "1", null, false, state.step === network.steps.length, open(network.steps.length)),
  ];
  cards.forEach((button, i) => {
    if (i > 0 && i <= network.steps.length) button.title = settingsText(network.steps[i - 1], document.parameters);
  });
  const row = el("div", { class: `graph${backward ? " backward" : ""}`, role: "group", "aria-label": t("graph") }, ...cards);
  roving(row, "button");
  const box = el("div", { class: "graph-box" }, arcs(network), row);
  return box;
}

/** Bring the chosen card, or tab, into view, without moving the page. */
export function reveal(box, which = "[aria-current]") {
  const chosen = box.querySelector(which);
  if (chosen) box.scrollLeft = chosen.offsetLeft - box.offsetLeft * (box.offsetParent === chosen.offsetParent) - (box.clientWidth - chosen.offsetWidth) / 2;
}
