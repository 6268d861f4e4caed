// The stops of the tour of the playground: from a pixel to a step of training.

import { classNames } from "./i18n.js";
import { go, state } from "./state.js";

/** view: the playground; its first column must hold maps of a convolution, the second may pool them. */
export function playgroundStops(view) {
  const find = (css) => document.querySelector(css);
  const part = (name) => find(`.strip [data-part="${name}"]`);
  const { network } = view;
  const [input, first, second] = view.stages;
  const last = view.stages.length - 1;
  const here = () => {
    if (state.view !== "playground") go({ view: "playground" });
    view.stop();
  };
  const pick = (s, unit) => {
    here();
    view.open({ s, unit, at: view.brightest(s, unit) });
  };
  const lively = (s) => view.brightestUnit(s);
  const product = () => {
    const found = view.strip.found.account.terms.map((term, n) => [Math.abs(term.product), n]).sort((a, b) => b[0] - a[0])[0][1];
    return { element: [...document.querySelectorAll(".strip .products text")][found], term: view.strip.found.account.terms[found] };
  };
  const stops = [
    { text: "tour.input", prepare: here, target: () => find(".first .unit"), ask: () => ({ text: "ask.input", value: input.shape.reduce((product, n) => product * n, 1), values: [input.shape[0], input.shape[1]] }) },
    { text: "tour.products", prepare: () => pick(1, lively(1)), target: () => find(".strip .trio"), ask: () => {
      const { element, term } = product();
      return { text: "ask.product", element, value: term.product, part: "product", account: term };
    } },
    { text: "tour.sum", prepare: () => pick(1, lively(1)), target: () => find(".strip .strip-result"), ask: () => ({ text: "ask.sum", element: part("products") }) },
    { text: "tour.relu", prepare: () => pick(1, lively(1)), target: () => part("activation") ?? part("sum"), ask: () => ({ text: "ask.relu", element: part("activation") ?? part("sum") }) },
    { text: "tour.map", prepare: () => pick(1, lively(1)), target: () => view.maps.unitElement(1, view.choice.unit), ask: () => ({ text: "ask.map", value: first.shape[0] * first.shape[1], values: [first.shape[0]] }) },
    { text: "tour.answer", prepare: () => pick(last, lively(last)), target: () => find(".col.last"), ask: () => ({ text: "ask.answer", element: find(".last .top .share") }) },
    { text: "tour.gradient", prepare: () => { here(); view.images.choose(view.images.images.length - 1); }, target: () => find(".last .truth") ?? find(".col.last"), ask: () => {
      const p = view.values[network.output].data[view.image.label];
      return { text: "ask.gradient", value: p - 1, shown: (p - 1).toFixed(2).replace("-", "−"), values: [classNames(network.document)[view.image.label], p.toFixed(2)] };
    } },
    { text: "tour.step", prepare: here, target: () => find("[data-train=hundred]"), ask: () => ({ text: "ask.step", value: view.learner.classroom.batches[0].length * 100, values: [view.learner.classroom.batches[0].length] }) },
  ];
  if (second && network.steps[second.made].operation === "maxpool2d")
    stops.splice(5, 0, { text: "tour.pool", prepare: () => pick(2, lively(2)), target: () => view.maps.unitElement(2, view.choice.unit), ask: () => ({ text: "ask.pool", element: part("sum") }) });
  return stops;
}
