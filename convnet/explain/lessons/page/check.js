// Every number of every pass, computed once more and held to its rounding bound.

import { el } from "./dom.js";
import { letter, stepTitle } from "./names.js";
import { operations, passesOf } from "./operations.js";
import { t } from "./i18n.js";

const SLICE_OF_TIME = 40; // milliseconds between two breaths of the page

/** One pass: how many numbers, how many not held by the page, how many outside the bound, the worst share. */
async function checked(network, step, loss, name, breathe) {
  const c = network.context(step, loss);
  const pass = operations[network.step(step, loss).operation][name];
  const tensor = c[pass.of];
  const account = network.account(c, pass, false);
  const found = { cells: 0, left: 0, outside: 0, worst: 0 };
  for (let at = 0; at < tensor.data.length; at++) {
    if (!tensor.known(at)) {
      found.left++;
      continue;
    }
    if (!network.run(c, pass, at, account).sure) {
      found.left++;
      continue;
    }
    const error = Math.abs(account.value - tensor.data[at]);
    const share = error === 0 ? 0 : error / account.bound;
    found.cells++;
    if (!(error <= account.bound)) found.outside++;
    if (share > found.worst) found.worst = share;
    if (at % 256 === 0) await breathe();
  }
  return found;
}

export class Check {
  constructor(network) {
    this.network = network;
    this.element = el("div", { class: "prose" });
  }

  render() {
    this.body = el("tbody");
    this.verdict = el("p", { class: "check none", role: "status" });
    const head = ["check.step", "check.pass", "check.cells", "check.worst"].map((key) => el("th", {}, t(key)));
    this.start = el("button", { type: "button", class: "primary", onclick: () => this.run() }, t("check.start"));
    this.progress = el("progress", { max: 1, value: 0, hidden: true });
    this.element.replaceChildren(
      el("h3", {}, t("view.check")),
      el("p", { class: "note" }, t("check.intro")),
      el("p", {}, this.start, " ", this.progress),
      this.verdict,
      el("div", { class: "scroll" }, el("table", { class: "checks" }, el("thead", {}, el("tr", {}, ...head)), this.body)),
    );
  }

  *passes() {
    const { network } = this;
    const losses = Object.keys(network.document.losses);
    for (let step = 0; step <= network.steps.length; step++)
      for (const loss of losses)
        for (const name of passesOf(network.step(step, loss)))
          if (name !== "forward" || loss === losses[0] || step === network.steps.length) yield [step, loss, name];
  }

  async run() {
    const todo = [...this.passes()];
    const { body, verdict } = this;
    this.start.disabled = true;
    this.progress.hidden = false;
    body.replaceChildren();
    let last = performance.now();
    const breathe = async () => {
      if (performance.now() - last < SLICE_OF_TIME) return;
      await new Promise((resolve) => setTimeout(resolve));
      last = performance.now();
    };
    const sum = { cells: 0, left: 0, outside: 0 };
    for (const [i, [step, loss, name]] of todo.entries()) {
      const found = await checked(this.network, step, loss, name, breathe);
      for (const key of Object.keys(sum)) sum[key] += found[key];
      const each = this.network.step(step, loss);
      const symbol = name === "forward" ? letter(each.operation, "y") : `${letter(each.operation, name)} · ${t(`loss.${loss}`).split(/[,，]/)[0]}`;
      if (found.cells) body.append(el("tr", { class: found.outside ? "bad" : null }, el("td", {}, stepTitle(each)), el("td", {}, symbol), el("td", {}, found.cells.toLocaleString()), el("td", {}, found.worst.toFixed(3))));
      this.progress.value = (i + 1) / todo.length;
    }
    verdict.className = `check ${sum.outside ? "bad" : "ok"}`;
    verdict.textContent = [t("check.done", sum.cells.toLocaleString(), sum.outside), sum.left ? t("check.left", sum.left.toLocaleString()) : ""].join(" ");
    Object.assign(verdict.dataset, { cells: sum.cells, outside: sum.outside });
    this.start.disabled = false;
    this.progress.hidden = true;
  }
}
