// The stops of the tour of the network's view: from a pixel, by one sum, to the answer, and back.

import { classNames } from "./i18n.js";
import { go, state } from "./state.js";

const RATE = 0.1; // of the last question's step

/** Is there a convolution to show? */
export const hasTour = (network) => network.steps.some((step) => step.operation === "conv2d");

/** view: the explorer. */
export function networkStops(view) {
  const { network } = view;
  const find = (css) => document.querySelector(css);
  const conv = network.steps.findIndex((step) => step.operation === "conv2d");
  const pool = network.steps.findIndex((step) => step.operation === "maxpool2d");
  const softmax = network.steps.at(-1).operation === "softmax";
  const to = (step, pass = "forward") => () => go({ view: "network", step, pass, at: null });
  const shapeOf = (step) => network.document.values[network.steps[step].output].shape;
  const [H, W, C] = network.document.values[0].shape;
  const text = (v) => v.toFixed(2).replace("-", "−");
  const product = () => {
    const { terms } = view.sum;
    const largest = terms.reduce((best, term) => (Math.abs(term.product) > Math.abs(best.product) ? term : best));
    const shown = [...document.querySelectorAll("[data-tour=products] .numbers text")];
    const seat = shown.reduce((best, each) => (Math.abs(Number(each.textContent.replace("−", "-"))) > Math.abs(Number(best.textContent.replace("−", "-"))) ? each : best));
    return { element: seat, value: largest.product, part: "product", account: largest };
  };
  const stops = [
    { text: "tour.input", prepare: to(conv), target: () => find(".stage-col.first .unit"), ask: () => ({ text: "ask.input.channels", value: H * W * C, values: [H, W, C] }) },
    { text: "tour.products", prepare: to(conv), target: () => find("[data-tour=products]"), ask: () => ({ text: "ask.product", ...product() }) },
    { text: "tour.sum", prepare: to(conv), target: () => find(".sum-lines"), ask: () => ({ text: "ask.total", element: find(".sum-lines tr:last-child [data-guess]"), part: "sum" }) },
    { text: "tour.map", prepare: to(conv), target: () => find(".asked .picture"), ask: () => ({ text: "ask.map.sides", value: shapeOf(conv)[0] * shapeOf(conv)[1], values: shapeOf(conv).slice(0, 2) }) },
  ];
  if (pool >= 0) stops.push({ text: "tour.pool", prepare: to(pool), target: () => find("[data-tour=window]"), ask: () => ({ text: "ask.pool", element: find(".sum .result b") }) });
  if (softmax) {
    stops.push({ text: "tour.answer", prepare: to(conv), target: () => find(".stage-col.last"), ask: () => ({ text: "ask.answer", element: [...document.querySelectorAll(".overview .share")].reduce((best, each) => (parseFloat(each.textContent) > parseFloat(best.textContent) ? each : best)) }) });
    stops.push({ text: "tour.backward", prepare: to(network.steps.length - 1, "dx0"), target: () => find(".overview"), ask: () => {
      const p = network.tensors.get(`x${network.output}`).data[network.label];
      return { text: "ask.gradient", value: p - 1, shown: text(p - 1), values: [classNames(network.document)[network.label], p.toFixed(2)] };
    } });
  }
  stops.push({ text: "tour.learn", prepare: to(conv, "dp0"), target: () => find(".asked .picture"), ask: () => {
    const gradient = view.c.dp0.data[state.at];
    const own = view.c.p0.data[state.at];
    return { text: "ask.learn", value: own - RATE * gradient, values: [text(own), gradient.toPrecision(2).replace("-", "−"), RATE] };
  } });
  return stops;
}
