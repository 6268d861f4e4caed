// From one number to the next: what follows on it, and where what went into it comes from.

import { el } from "./dom.js";
import { cell, short } from "./format.js";
import { letter, stepTitle } from "./names.js";
import { t } from "./i18n.js";
import { placeOf } from "./places.js";
import { go, state } from "./state.js";
import { checkLine } from "./sum.js";

/** Softmax's gradient together with the cross-entropy's, where the two meet. */
export function fusedGradient({ network, step, c }) {
  const last = state.step === network.steps.length - 1 && step.operation === "softmax";
  if (!last || state.loss !== "crossentropy" || state.pass !== "dx0") return undefined;
  return c.y.data[state.at] - (state.at === c.target[0] ? 1 : 0);
}

/** What follows on this number, and where a factor of the term in focus comes from. */
export function leads(view, term) {
  const { network, step, pass, c } = view;
  const out = [];
  const next = network.steps[state.step + 1];
  if (state.pass === "forward" && next && next.layer === step.layer && ["relu", "sigmoid"].includes(next.operation)) {
    const account = network.explain(state.step + 1, state.loss, "forward", state.at);
    const y = network.context(state.step + 1, state.loss).y;
    const follow = link(stepTitle(next), { step: state.step + 1, pass: "forward", at: state.at }, "→");
    out.push(
      el("p", { class: "then" }, t("then", next.operation), " ", el("b", {}, short(account.value)), " ", follow),
      checkLine(account, y, state.at, network.dtype, Boolean(network.image)),
    );
  }
  if (term && term.ia >= 0) {
    const { a } = pass;
    const name = cell(letter(step.operation, a), placeOf(term.ia, c[a].shape));
    const from = a === "dy" ? above(view) : below(view, a);
    if (from) out.push(el("p", { class: "then" }, link(t("origin", name), { ...from, at: term.ia }, t("origin", name))));
  }
  return out;
}

function link(label, change, text) {
  return el("button", { type: "button", class: "quiet", "aria-label": label, onclick: () => go(change) }, text);
}

/** The step that made an input. */
function below({ network, step }, name) {
  const made = step.inputs[Number(name.slice(1))];
  const maker = network.steps.findIndex((each) => each.output === made);
  return name.startsWith("x") && maker >= 0 ? { step: maker, pass: "forward" } : null;
}

/** The step whose dx is this step's dy; where several read the output, the first. */
function above({ network, step }) {
  const readers = network.steps.findIndex((each) => each.inputs.includes(step.output));
  const reader = readers < 0 ? network.steps.length : readers;
  const n = readers < 0 ? 0 : network.steps[readers].inputs.indexOf(step.output);
  return { step: reader, pass: `dx${n}` };
}
