// The network, forward and backward: choose a step, click a number, see the sum that made it.

import { el, roving } from "./dom.js";
import { dims, short } from "./format.js";
import { codeView, formulaOf } from "./code.js";
import { Walk } from "./explorer-motion.js";
import { fusedGradient, leads } from "./leads.js";
import { letter, parameterKind, roleOf, settingsText, stepTitle } from "./names.js";
import { noteOf, t } from "./i18n.js";
import { between, betweenOf } from "./products.js";
import { operations, passesOf } from "./operations.js";
import { Overview } from "./overview.js";
import { Panel } from "./panel.js";
import { placeOf } from "./places.js";
import { sliceOf } from "./slices.js";
import { go, state } from "./state.js";
import { factsOf } from "./summary.js";
import { sumView } from "./sum.js";

const codeName = (pass) => (pass === "forward" ? "forward" : pass.startsWith("dx") ? "data" : "weights");

export class Explorer {
  /** gallery: further images, or null. */
  constructor(network, gallery = null) {
    Object.assign(this, { network, gallery });
    this.element = el("div", { class: "explorer" });
    this.chosen = {}; // the cell last looked at, by step and pass
    this.walk = new Walk(this);
    this.overview = new Overview(network);
    this.overview.element.addEventListener("pointerover", (event) => this.hover(event));
    this.overview.element.addEventListener("pointerleave", () => this.hovering && this.walk.stop());
  }

  get step() {
    return this.network.step(state.step, state.loss);
  }

  /** Make what the address says be something that exists. */
  settle() {
    const last = this.network.steps.length;
    if (!(state.step >= 0 && state.step <= last)) state.step = 0;
    if (!passesOf(this.step).includes(state.pass)) state.pass = "forward";
    const tensor = this.network.context(state.step, state.loss)[operations[this.step.operation][state.pass].of];
    const key = `${state.step} ${state.pass}`;
    const fits = (at) => Number.isInteger(at) && at >= 0 && at < tensor.data.length;
    if (!fits(state.at)) state.at = fits(this.chosen[key]) ? this.chosen[key] : this.interesting(tensor);
    this.chosen[key] = state.at;
  }

  /** Where the array has its largest number, of a gradient by magnitude: never a dull 0 at the edge. */
  interesting(tensor) {
    const size = state.pass === "forward" ? (v) => v : Math.abs;
    let best = 0;
    tensor.data.forEach((v, i) => {
      if (tensor.known(i) && size(v) > size(tensor.data[best])) best = i;
    });
    return best;
  }

  /** Everything anew: another step, pass, loss, language or theme. */
  render() {
    this.walk.stop();
    this.gallery?.choose(state.image);
    this.settle();
    const { step, network } = this;
    const codes = network.document.codes;
    const code = step.code[codeName(state.pass)];
    this.c = network.context(state.step, state.loss);
    this.pass = operations[step.operation][state.pass];
    this.panels = this.makePanels();
    this.account = el("div", { class: "account" });
    this.index = el("p", { class: "index" });
    this.overview.render();
    this.element.classList.toggle("back", state.pass !== "forward");
    const shelf = this.gallery?.element((image) => go({ image, at: state.at }));
    this.element.replaceChildren(
      el("div", { class: `sight${shelf ? " with-gallery" : ""}` }, el("h2", { class: "sr-only" }, t("graph")), shelf, this.overview.element),
      el(
        "article",
        { class: "step" },
        el("header", {}, ...this.toolbar(), el("h3", {}, stepTitle(step)), el("p", { class: "settings" }, this.settings()), this.passes(), el("div", { class: "walk-bar" }, this.index, this.walk.button())),
        el("div", { class: "told" }, el("p", { class: "note" }, noteOf(step.operation, state.pass)), formulaOf(codes, code)),
        el("div", { class: `stage of-${this.panels.length}` }, ...this.panels),
        this.account,
        codeView(codes, code),
      ),
      el("section", { class: "summary facts" }, el("div", {}, ...factsOf(network, { shares: true }), ...(this.gallery?.notes() ?? []))),
    );
    this.update();
    const backward = state.pass !== "forward";
    if (this.wasBackward !== undefined && backward !== this.wasBackward) this.overview.send(backward);
    this.wasBackward = backward;
  }

  /** The window slides while the map that is taken apart is pointed at. */
  hover(event) {
    const map = event.pointerType === "mouse" && event.target.closest?.('[data-map][aria-pressed="true"]');
    if (map && !this.walk.running) {
      this.hovering = true;
      this.walk.start();
    } else if (!map && this.hovering) this.walk.stop();
  }

  /** The reader goes to another view: those are about the page's own image. */
  leave() {
    this.gallery?.choose(null);
  }

  stop() {
    this.walk.stop();
  }

  settings() {
    const { document } = this.network;
    const shapes = this.step.inputs.map((v) => dims(document.values[v].shape)).join(" + ");
    const end = this.step.isLoss ? short(this.step.value) : dims(document.values[this.step.output].shape);
    return [`${shapes} → ${end}`, settingsText(this.step, document.parameters)].filter(Boolean).join(" · ");
  }

  toolbar() {
    const side = (name, pressed, change) =>
      el("button", { type: "button", "aria-pressed": pressed, onclick: change, "data-direction": name }, t(name));
    const forward = state.pass === "forward";
    const both = el(
      "div",
      { class: "segments", role: "group", "aria-label": t("direction") },
      side("forward", forward, () => go({ pass: "forward", at: null })),
      side("backward", !forward, () => forward && go({ pass: "dx0", at: null })),
    );
    roving(both, "button");
    const losses = Object.keys(this.network.document.losses);
    const choice = el(
      "label",
      { class: "choice" },
      `${t("loss")} `,
      el(
        "select",
        { onchange: (event) => go({ loss: event.target.value, at: state.at }), "data-loss": true },
        ...losses.map((name) => el("option", { value: name, selected: name === state.loss }, t(`loss.${name}`))),
      ),
    );
    const several = Object.keys(this.network.document.losses).length > 1;
    return [both, several && (!forward || this.step.isLoss) && choice];
  }

  /** Backward has several questions: for an input, for a weight, for the bias. */
  passes() {
    const names = passesOf(this.step).filter((name) => name !== "forward");
    if (state.pass === "forward" || names.length < 2) return null;
    const buttons = names.map((name) => {
      const symbol = letter(this.step.operation, name);
      const kind = name.startsWith("dx") ? "pass.dx" : `pass.${parameterKind(this.step.operation, name.slice(1))}`;
      return el("button", { type: "button", "aria-pressed": name === state.pass, onclick: () => go({ pass: name, at: null }), "data-pass": name }, t(kind, symbol));
    });
    const row = el("div", { class: "segments", role: "group" }, ...buttons);
    roving(row, "button");
    return row;
  }

  makePanels() {
    const { c, pass, step } = this;
    const names = [pass.look, pass.a, pass.second, pass.b].filter(Boolean);
    const photoOf = (name) => name === "x0" && step.inputs[0] === 0 && c.x0.data.every((v) => v >= 0);
    const make = (name, options) =>
      new Panel({
        tensor: c[name], name, operation: step.operation, title: letter(step.operation, name), role: roleOf(step.operation, name), photo: photoOf(name),
        outline: name === "x0" && step.inputs[0] === 0 ? this.network.outline : null, ...options,
      });
    this.inputs = names.map((name) => make(name, { sliced: (slice) => this.look(name, slice) }));
    this.asked = make(pass.of, {
      pick: (at) => go({ at }),
      hint: t("pick.short"),
      sliced: (slice) => go({ at: this.moved(slice) }),
    });
    const [first, ...others] = this.inputs.map((panel) => panel.element);
    this.between = Object.fromEntries(between(step, state.pass, c).map((name) => [name, el("section")]));
    return [first, this.between.window, ...others, this.between.products, this.asked.element].filter(Boolean);
  }

  /** The same row and column in another slice. */
  moved(slice) {
    const { tensor } = this.asked;
    const place = placeOf(state.at, tensor.shape);
    const from = tensor.shape.length - slice.length;
    slice.forEach((v, n) => (place[from + n] = v));
    return place.reduce((flat, v, axis) => flat * tensor.shape[axis] + v, 0);
  }

  /** Another slice of a factor: the largest of its terms there, if there is one, else just the picture. */
  look(name, slice) {
    const key = name === this.pass.b ? "ib" : "ia";
    let best = null;
    this.sum.terms.forEach((term, i) => {
      if (term[key] < 0 || sliceOf(term[key], this.c[name].shape).join() !== slice.join()) return;
      if (best === null || Math.abs(term.product) > Math.abs(this.sum.terms[best].product)) best = i;
    });
    if (best !== null) this.focus(best);
    else this.inputs.find((panel) => panel.name === name).update({ slice, marks: [] });
  }

  focus(i) {
    state.focus = i;
    this.update();
  }

  /** Another cell or term: the pictures' marks and the account, nothing else. */
  update() {
    const { network, c, pass, step } = this;
    this.settle();
    this.sum = network.explain(state.step, state.loss, state.pass, state.at);
    const { terms } = this.sum;
    if (state.focus === null && terms.length) state.focus = this.strongest(terms);
    const term = terms[state.focus] ?? null;
    this.inputs.forEach((panel) => {
      if (panel.name === pass.look) {
        const slice = sliceOf(state.at, panel.tensor.shape);
        return panel.update({ slice, marks: this.sum.looked, focus: state.at });
      }
      const key = panel.name === pass.b ? "ib" : "ia";
      const own = pass.second ? terms.filter((_, i) => (i === 1) === (panel.name === pass.second)) : terms;
      const marks = own.map((each) => each[key]).filter((at) => at >= 0);
      const at = pass.second ? (marks[0] ?? -1) : term ? term[key] : -1;
      const slice = at >= 0 ? sliceOf(at, panel.tensor.shape) : panel.slice;
      panel.update({ slice, marks, focus: at >= 0 ? at : null });
    });
    this.asked.update({ slice: sliceOf(state.at, this.asked.tensor.shape), selected: state.at });
    this.typed();
    const photo = this.inputs.find((panel) => panel.name === pass.a)?.photo;
    const view = { account: this.sum, c, step, pass, passName: state.pass, at: state.at, dtype: network.dtype, focus: state.focus, photo, fused: fusedGradient(this), other: Boolean(network.image) };
    const found = betweenOf(view);
    for (const [name, element] of Object.entries(found)) this.between[name].replaceWith(element);
    this.between = found;
    this.account.replaceChildren(sumView({ ...view, onFocus: (i) => this.focus(i), after: leads(this, term) }));
    this.overview.mark();
  }

  strongest(terms) {
    if (this.sum.chosen !== null) return terms.findIndex((term) => term.ia === this.sum.chosen);
    let best = 0;
    terms.forEach((term, i) => {
      if (Math.abs(term.product) > Math.abs(terms[best].product)) best = i;
    });
    return best;
  }

  /** The cell's numbers, to be typed. */
  typed() {
    const { tensor, title } = this.asked;
    const place = placeOf(state.at, tensor.shape);
    if (tensor.data.length === 1) return this.index.replaceChildren();
    const inputs = place.map((v, axis) =>
      el("input", {
        type: "number", min: 0, max: tensor.shape[axis] - 1, value: v, "aria-label": `${t("cell.number")} ${title}, ${axis + 1}`, "data-axis": axis,
        onchange: (event) => {
          const next = [...place];
          next[axis] = Math.min(Math.max(Math.round(event.target.value) || 0, 0), tensor.shape[axis] - 1);
          go({ at: next.reduce((flat, n, a) => flat * tensor.shape[a] + n, 0) });
          this.index.querySelector(`[data-axis="${axis}"]`)?.focus();
        },
      }),
    );
    return this.index.replaceChildren(el("span", { class: "place" }, `${title}[`, ...inputs.flatMap((input, i) => (i ? [", ", input] : [input])), "]"));
  }
}
