// The page: its head, its views, and the one place where a change of state becomes a change of the page.

import { Check } from "./check.js";
import { el, roving } from "./dom.js";
import { Explorer } from "./explorer.js";
import { Gallery } from "./gallery.js";
import { glossary, startHelp } from "./glossary.js";
import { Learner } from "./learner.js";
import { fromAddress, go, onChange, state } from "./state.js";
import { hasTour, networkStops } from "./tour-network.js";
import { playgroundStops } from "./tour-playground.js";
import { Predict } from "./predict.js";
import { Network } from "./network.js";
import { startPaper } from "./paper.js";
import { Playground } from "./playground.js";
import { otherLanguage, setLanguage, t } from "./i18n.js";
import { sharing } from "./sharing.js";
import { summary } from "./summary.js";
import { startTheme, toggleTheme } from "./theme.js";
import { StepView } from "./step.js";
import { Toy } from "./toy.js";
import { Training } from "./training.js";
import { Tour } from "./tour.js";
import { unpackAll } from "./unpack.js";

const WHOLE = new Set(["playground", "network"]); // views that show image and answer themselves
const NOTICE = "For research and teaching. Not for clinical use."; // a model may bring another

function header(network) {
  const languages = el("button", { type: "button", class: "quiet", "data-language": true, onclick: () => { setLanguage(otherLanguage()); page(network); } }, t("lang.other"));
  const theme = el("button", { type: "button", class: "quiet", "data-theme-button": true, onclick: () => { toggleTheme(); page(network); } }, t("theme"));
  const { title, model, notice } = network.document;
  const extras = [tour?.button(), predict.button(), ...sharing()].filter(Boolean);
  return el("header", { class: "top" }, el("div", {}, el("h1", {}, title || t("title", model)), el("p", { class: "hint" }, notice === NOTICE ? t("notice") : notice)), el("div", { class: "buttons" }, ...extras, languages, theme));
}

/** What was left out of the page. */
function footer({ cut, recording }) {
  const out = recording.all_epochs ? recording.all_epochs.length - recording.epochs.length : 0;
  const parts = [cut && t("left.maps", cut), out && t("left.epochs", out, recording.all_epochs.length)];
  return el("footer", { class: "hint" }, glossary(), ...parts.filter(Boolean).map((text) => el("p", {}, text)));
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
  document.documentElement.dataset.view = state.view;
  root.replaceChildren(header(network), el("main", {}, WHOLE.has(state.view) ? "" : summary(network), tabs, panel), footer(network.document));
  view.render();
  const tab = tabs.querySelector("[aria-selected=true]");
  tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft * (tabs.offsetParent === tab.offsetParent) - (tabs.clientWidth - tab.offsetWidth) / 2; // on a phone they are one row
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Only what a change touches is made anew. */
function watchState(network) {
  onChange((before) => {
    const same = (...names) => names.every((name) => before[name] === state[name]);
    if (!same("view")) {
      views[before.view].stop?.();
      views[before.view].leave?.();
      views[state.view].arrive?.();
      page(network);
    } else if (state.view === "network" && same("step", "pass", "loss", "image")) views.network.update();
    else if (!same("step", "pass", "loss", "image")) keepingFocus(() => views[state.view].render());
  });
}

/** A view made anew keeps the reader's place: the element with the same mark has the focus again. */
function keepingFocus(work) {
  const mark = ["data-step", "data-map", "data-image", "data-pass", "data-direction", "data-loss"].map((name) => [name, document.activeElement?.getAttribute(name)]).find(([, value]) => value !== null && value !== undefined);
  work();
  if (mark) document.querySelector(`[${mark[0]}="${mark[1]}"]`)?.focus({ preventScroll: true });
}

async function start() {
  const data = JSON.parse(document.getElementById("lesson").textContent);
  setLanguage((document.documentElement.dataset.language ?? navigator.language ?? "en").toLowerCase().startsWith("zh") ? 1 : 0);
  startHelp();
  document.getElementById("page").textContent = t("step.busy");
  await new Promise((resolve) => setTimeout(resolve)); // a large image takes seconds: say so first
  const network = new Network(data, await unpackAll(data.tensors));
  state.loss = data.chosen_loss;
  const learner = data.classroom ? await Learner.open(network) : null;
  views = { network: new Explorer(network, await Gallery.open(network, learner)), step: new StepView(network), training: new Training(network), toy: new Toy(network), check: new Check(network) };
  predict = new Predict(document.getElementById("page"));
  if (learner) views = { playground: new Playground(learner), ...views };
  if (learner || hasTour(network)) tour = new Tour(() => (learner ? playgroundStops(views.playground) : networkStops(views.network)), document.getElementById("page"));
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
  views[state.view].arrive?.();
  watchState(network);
  page(network);
  addEventListener("hashchange", follow);
  startPaper();
  addEventListener("lesson", (event) => go(event.detail)); // for scripts that lead through a lesson
  document.documentElement.dataset.ready = "yes";
}

start().catch((error) => {
  document.getElementById("page").textContent = t("failed", error.message);
  throw error;
});
