// The page: its head, its views, and the one place where a change of state becomes a change of the page.

import { Check } from "./check.js";
import { drawImage } from "./picture.js";
import { el, roving } from "./dom.js";
import { Explorer } from "./explorer.js";
import { Learner } from "./learner.js";
import { fromAddress, go, onChange, state } from "./state.js";
import { playgroundStops } from "./tour-playground.js";
import { Predict } from "./predict.js";
import { reveal } from "./graph.js";
import { Network } from "./network.js";
import { Playground } from "./playground.js";
import { otherLanguage, setLanguage, t } from "./i18n.js";
import { percent, short } from "./format.js";
import { startTheme, toggleTheme } from "./theme.js";
import { StepView } from "./step.js";
import { Toy } from "./toy.js";
import { Training } from "./training.js";
import { Tour } from "./tour.js";
import { unpackAll } from "./unpack.js";

const NOTICE = "For research and teaching. Not for clinical use."; // a model may bring another

/** Training or inference, and what that changes in the layers that this network has. */
function modeOf({ training, layers }) {
  const mode = training ? "mode.training" : "mode.inference";
  const changed = [[/Dropout/, "dropout"], [/BatchNormalization/, "batchnorm"]].filter(([kind]) => layers.some((l) => kind.test(l)));
  const words = changed.map(([, name]) => t(`${mode}.${name}`)).join(t("mode.and"));
  return t(mode) + (words && t("mode.join", words));
}

/** The image, what the network says of it, and what it is. */
function summary(network) {
  const { document, tensors, output } = network;
  const image = tensors.get("x0");
  const canvas = el("canvas", { class: "pixels", role: "img", "aria-label": t("input") });
  drawImage(canvas, image);
  const scores = tensors.get(`x${output}`).data;
  const names = scores.length === 1 ? [document.classes[1]] : document.classes;
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
  const mode = modeOf(document);
  const truth = document.label_given ? t("truth.given", document.classes[document.label]) : t("truth.own");
  return el(
    "section",
    { class: "summary" },
    canvas,
    el("div", {}, el("h2", {}, t("answer")), el("ul", { class: names.length > 5 ? "two" : null }, ...rows), el("p", { class: "hint" }, t("sentences", truth, mode)), document.calibrated ? el("p", { class: "hint" }, t("calibrated")) : null),
  );
}

function header(network) {
  const languages = el("button", { type: "button", class: "quiet", "data-language": true, onclick: () => { setLanguage(otherLanguage()); page(network); } }, t("lang.other"));
  const theme = el("button", { type: "button", class: "quiet", "data-theme-button": true, onclick: () => { toggleTheme(); page(network); } }, t("theme"));
  const { title, model, notice } = network.document;
  const extras = [tour?.button(), predict.button()].filter(Boolean);
  return el("header", { class: "top" }, el("div", {}, el("h1", {}, title || t("title", model)), el("p", { class: "hint" }, notice === NOTICE ? t("notice") : notice)), el("div", { class: "buttons" }, ...extras, languages, theme));
}

/** What was left out of the page. */
function footer({ cut, recording }) {
  const out = recording.all_epochs ? recording.all_epochs.length - recording.epochs.length : 0;
  const parts = [cut && t("left.maps", cut), out && t("left.epochs", out, recording.all_epochs.length)];
  return el("footer", { class: "hint" }, ...parts.filter(Boolean).map((text) => el("p", {}, text)));
}

let views;
let tour;
let predict;

function page(network) {
  const root = document.getElementById("page");
  const tabs = el("div", { class: "tabs", role: "tablist" }, ...Object.keys(views).map((name) =>
    el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "view", "aria-selected": name === state.view, onclick: () => go({ view: name, at: state.at }) }, t(`view.${name}`))));
  roving(tabs, "button");
  const view = views[state.view];
  const panel = el("div", { id: "view", role: "tabpanel", "aria-labelledby": `tab-${state.view}` }, view.element);
  const focused = document.activeElement?.id;
  root.replaceChildren(header(network), el("main", {}, state.view === "playground" ? "" : summary(network), tabs, panel), footer(network.document));
  view.render();
  reveal(tabs, "[aria-selected=true]");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Only what a change touches is made anew. */
function watchState(network) {
  onChange((before) => {
    const same = (...names) => names.every((name) => before[name] === state[name]);
    if (!same("view")) {
      views[before.view].stop?.();
      views[before.view].leave?.();
      page(network);
    } else if (state.view === "network" && same("step", "pass", "loss")) views.network.update();
    else if (!same("step", "pass", "loss")) keepingFocus(() => views[state.view].render());
  });
}

/** A view made anew keeps the reader's place: the element with the same mark has the focus again. */
function keepingFocus(work) {
  const mark = ["data-step", "data-pass", "data-direction", "data-loss"].map((name) => [name, document.activeElement?.getAttribute(name)]).find(([, value]) => value !== null && value !== undefined);
  work();
  if (mark) document.querySelector(`[${mark[0]}="${mark[1]}"]`)?.focus({ preventScroll: true });
}

async function start() {
  const data = JSON.parse(document.getElementById("lesson").textContent);
  setLanguage((navigator.language ?? "en").toLowerCase().startsWith("zh") ? 1 : 0);
  document.getElementById("page").textContent = t("step.busy");
  await new Promise((resolve) => setTimeout(resolve)); // a large image takes seconds: say so first
  const network = new Network(data, await unpackAll(data.tensors));
  state.loss = data.chosen_loss;
  views = { network: new Explorer(network), step: new StepView(network), training: new Training(network), toy: new Toy(network), check: new Check(network) };
  predict = new Predict(document.getElementById("page"));
  if (data.classroom) views = { playground: new Playground(await Learner.open(network)), ...views };
  if (views.playground) tour = new Tour(() => playgroundStops(views.playground), document.getElementById("page"));
  const follow = () => {
    const change = fromAddress();
    if (!change || !views[change.view]) return;
    if (change.loss && !data.losses[change.loss]) delete change.loss;
    go(change, true);
  };
  startTheme(() => page(network));
  Object.assign(state, fromAddress() ?? {});
  if (!views[state.view] || !fromAddress()) state.view = Object.keys(views)[0];
  if (!data.losses[state.loss]) state.loss = data.chosen_loss;
  watchState(network);
  page(network);
  addEventListener("hashchange", follow);
  addEventListener("lesson", (event) => go(event.detail)); // for scripts that lead through a lesson
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  document.getElementById("page").textContent = t("failed", error.message);
  throw error;
});
