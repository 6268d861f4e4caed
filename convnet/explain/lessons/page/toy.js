// A convolution of small whole numbers: stride, padding, dilation and kernel to play with, the sizes' arithmetic beside.

import { css, diverging, inkOn } from "./colours.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";

const KERNELS = {
  "preset.edge": (p, q, P) => (q === 0 ? -1 : q === P - 1 ? 1 : 0),
  "preset.blur": () => 1,
  "preset.sharp": (p, q, P) => (p === Math.floor(P / 2) && q === Math.floor(P / 2) ? 5 : Math.abs(p - Math.floor(P / 2)) + Math.abs(q - Math.floor(P / 2)) === 1 ? -1 : 0),
  "preset.one": (p, q, P) => (p === Math.floor(P / 2) && q === Math.floor(P / 2) ? 1 : 0),
  "preset.corner": (p, q) => (p === 0 && q === 0 ? 1 : 0),
};
const WALK = 600; // milliseconds a window

export class Toy {
  constructor(network) {
    this.network = network;
    this.element = el("div", { class: "toy" });
    this.settings = { size: 6, kernelsize: 3, stride: 1, padding: 0, dilation: 1 };
    this.preset = "preset.edge";
    this.picture = "picture.square";
    this.output = [0, 0];
    this.input = null;
    this.fill();
  }

  /** Image and kernel anew from the chosen patterns. */
  fill() {
    const { size, kernelsize } = this.settings;
    const pictures = {
      "picture.ramp": (h, w) => (h + w) % 10,
      "picture.square": (h, w) => (h > 0 && w > 1 && h < size - 1 && w < size - 1 ? 3 : 0),
      "picture.yours": (h, w) => this.sampled(h, w),
    };
    const table = (n, make) => Array.from({ length: n }, (_, r) => Array.from({ length: n }, (_, c) => make(r, c, n)));
    this.x = table(size, pictures[this.picture]);
    this.k = table(kernelsize, KERNELS[this.preset]);
  }

  /** The reader's image, coarse, 0 to 9. */
  sampled(h, w) {
    const { shape, data } = this.network.tensors.get("x0");
    const [H, W, C] = shape.length === 3 ? shape : [1, shape[0], 1];
    const at = (n, whole) => Math.min(Math.floor(((n + 0.5) / this.settings.size) * whole), whole - 1);
    return Math.round(9 * Math.min(Math.max(data[(at(h, H) * W + at(w, W)) * C], 0), 1));
  }

  get span() {
    return this.settings.dilation * (this.settings.kernelsize - 1) + 1;
  }

  get outputs() {
    const { size, padding, stride } = this.settings;
    return Math.max(Math.floor((size + 2 * padding - this.span) / stride) + 1, 0);
  }

  /** The terms of output (i, j): [x, k, h, w, p, q]. */
  terms(i, j) {
    const { size, kernelsize, stride, padding, dilation } = this.settings;
    const found = [];
    for (let p = 0; p < kernelsize; p++)
      for (let q = 0; q < kernelsize; q++) {
        const [h, w] = [stride * i + dilation * p - padding, stride * j + dilation * q - padding];
        const inside = h >= 0 && w >= 0 && h < size && w < size;
        found.push({ x: inside ? this.x[h][w] : 0, k: this.k[p][q], h, w, p, q });
      }
    return found;
  }

  value(i, j) {
    return this.terms(i, j).reduce((sum, term) => sum + term.x * term.k, 0);
  }

  /** Outputs whose window holds pixel (h, w). */
  reached(h, w) {
    const found = [];
    for (let i = 0; i < this.outputs; i++)
      for (let j = 0; j < this.outputs; j++) if (this.terms(i, j).some((term) => term.h === h && term.w === w)) found.push([i, j]);
    return found;
  }

  render() {
    this.stop();
    this.board = el("div", { class: "board" });
    this.element.replaceChildren(el("h3", {}, t("view.toy")), el("p", { class: "note" }, t("toy.intro")), this.controls(), this.board);
    this.update();
  }

  controls() {
    const ranges = { size: [3, 10], kernelsize: [1, 4], stride: [1, 4], padding: [0, 3], dilation: [1, 3] };
    const sliders = Object.entries(ranges).map(([name, [min, max]]) => {
      const value = el("output", {}, this.settings[name]);
      const input = el("input", { type: "range", min, max, value: this.settings[name], "data-setting": name, "aria-label": t(`toy.${name}`), oninput: () => {
        this.settings[name] = Number(input.value);
        value.textContent = input.value;
        if (name === "size" || name === "kernelsize") this.fill();
        this.update();
      } });
      return el("label", { class: "slider" }, el("span", {}, t(`toy.${name}`)), input, value);
    });
    const chooser = (label, names, current, change) => el("label", { class: "choice" }, `${label} `, el("select", { onchange: (event) => { change(event.target.value); this.fill(); this.update(); } }, ...names.map((name) => el("option", { value: name, selected: name === current }, t(name)))));
    this.walker = el("button", { type: "button", class: "quiet", onclick: () => (this.timer ? this.stop() : this.walk()) }, t("toy.walk"));
    return el("div", { class: "controls" }, el("div", { class: "sliders" }, ...sliders), el("div", { class: "toolbar" }, chooser(t("toy.picture"), ["picture.square", "picture.ramp", "picture.yours"], this.picture, (v) => (this.picture = v)), chooser(t("toy.preset"), Object.keys(KERNELS), this.preset, (v) => (this.preset = v)), this.walker));
  }

  update() {
    const focused = this.board.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const n = this.outputs;
    this.output = this.output.map((v) => Math.min(v, Math.max(n - 1, 0)));
    const terms = n && !this.input ? this.terms(...this.output) : [];
    const reached = this.input ? this.reached(...this.input) : [];
    this.board.replaceChildren(
      this.arithmetic(n),
      el("div", { class: "grids" }, this.imageGrid(terms), this.kernelGrid(), n ? this.outputGrid(n, reached) : null),
      ...(n ? [this.account(terms, reached)] : []),
    );
    if (focused) this.board.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
  }

  arithmetic(n) {
    const { size, kernelsize, stride, padding, dilation } = this.settings;
    const [top, bottom] = [`${size} + 2·${padding} − ${dilation}·(${kernelsize} − 1) − 1`, stride];
    // two pieces, so that a narrow window can set one below the other
    const math = `<math display="block"><mrow><msub><mi>H</mi><mi>o</mi></msub><mo>=</mo><mo>⌊</mo><mfrac><mrow><mi>H</mi><mo>+</mo><mn>2</mn><mtext>&nbsp;pad</mtext><mo>−</mo><mi>d</mi><mo>(</mo><mi>P</mi><mo>−</mo><mn>1</mn><mo>)</mo><mo>−</mo><mn>1</mn></mrow><mi>s</mi></mfrac><mo>⌋</mo><mo>+</mo><mn>1</mn></mrow></math><math display="block"><mrow><mo>=</mo><mo>⌊</mo><mfrac><mtext>${top}</mtext><mtext>${bottom}</mtext></mfrac><mo>⌋</mo><mo>+</mo><mn>1</mn><mo>=</mo><mn>${n}</mn></mrow></math>`;
    const fits = n ? null : el("p", { class: "check bad" }, t("toy.fits", this.span, size + 2 * padding));
    return el("section", { class: "arithmetic", "data-outputs": n }, el("h4", {}, t("toy.arithmetic")), el("div", { class: "formula pieces", html: math }), fits);
  }

  /** A grid of buttons that arrow keys walk through. */
  grid(title, rows, cols, cell) {
    const table = el("div", { class: "grid", style: `--cols:${cols}`, role: "group", "aria-label": title });
    for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) table.append(cell(r, c));
    table.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -cols, ArrowDown: cols, ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const list = [...table.children];
      const here = list.indexOf(event.target);
      if (!step || here < 0 || event.target.tagName === "INPUT") return;
      event.preventDefault();
      list[here + step]?.focus();
      list[here + step]?.click();
    });
    return el("figure", {}, el("figcaption", {}, title), table);
  }

  paint(v, most) {
    const colour = diverging(v / (most || 1));
    return `background:${css(colour)};color:${inkOn(colour)}`;
  }

  imageGrid(terms) {
    const { size, padding } = this.settings;
    const window = new Set(terms.map(({ h, w }) => `${h},${w}`));
    const most = Math.max(1, ...this.x.flat());
    const whole = size + 2 * padding;
    return this.grid(t("toy.image"), whole, whole, (r, c) => {
      const [h, w] = [r - padding, c - padding];
      const inside = h >= 0 && w >= 0 && h < size && w < size;
      const chosen = this.input && this.input[0] === h && this.input[1] === w;
      const kind = [inside ? "" : "pad", window.has(`${h},${w}`) ? "in-window" : "", chosen ? "chosen" : ""].join(" ").trim();
      if (!inside) return el("span", { class: kind }, "0");
      const first = this.input ? chosen : h === 0 && w === 0;
      return el("button", { type: "button", class: kind, style: this.paint(this.x[h][w], most), tabindex: first ? 0 : -1, "data-key": `x${h},${w}`, "aria-label": `x[${h}, ${w}] = ${this.x[h][w]}`, onclick: () => { this.input = [h, w]; this.update(); } }, this.x[h][w]);
    });
  }

  kernelGrid() {
    const n = this.settings.kernelsize;
    return this.grid(t("toy.kernel"), n, n, (p, q) =>
      el("input", { type: "number", value: this.k[p][q], step: 1, "data-key": `k${p},${q}`, "aria-label": `k[${p}, ${q}]`, oninput: (event) => { this.k[p][q] = Number(event.target.value) || 0; this.update(); } }),
    );
  }

  outputGrid(n, reached) {
    const values = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => this.value(i, j)));
    const most = Math.max(1, ...values.flat().map(Math.abs));
    const found = new Set(reached.map(String));
    return this.grid(t("toy.output"), n, n, (i, j) => {
      const chosen = !this.input && this.output[0] === i && this.output[1] === j;
      const kind = [chosen ? "chosen" : "", found.has(`${i},${j}`) ? "in-window" : ""].join(" ").trim();
      const first = this.output[0] === i && this.output[1] === j;
      return el("button", { type: "button", class: kind, style: this.paint(values[i][j], most), tabindex: first ? 0 : -1, "data-key": `y${i},${j}`, "aria-label": `y[${i}, ${j}] = ${values[i][j]}`, onclick: () => { this.input = null; this.output = [i, j]; this.update(); } }, String(values[i][j]).replace("-", "−"));
    });
  }

  account(terms, reached) {
    const number = (v) => (v < 0 ? `(−${-v})` : String(v));
    if (this.input) return this.gathered(reached, number);
    const text = terms.map(({ x, k }) => `${x}·${number(k)}`).join(" + ");
    const sum = terms.reduce((total, { x, k }) => total + x * k, 0);
    return el("section", {}, el("h4", {}, t("toy.sum")), el("p", { class: "result", "data-sum": sum }, `y[${this.output.join(", ")}] = ${text} = `, el("b", {}, String(sum).replace("-", "−"))));
  }

  /** The terms of dx at the chosen input: dy of each output that reads it, times the kernel's number. */
  gathered(reached, number) {
    const [h, w] = this.input;
    if (!reached.length) return el("p", { class: "note" }, t("toy.unreached", h, w));
    const met = (i, j) => this.terms(i, j).find((term) => term.h === h && term.w === w).k;
    const text = reached.map(([i, j]) => `dy[${i}, ${j}]·${number(met(i, j))}`).join(" + ");
    return el("section", {}, el("p", { class: "note" }, t("toy.reach", h, w, reached.length)), el("p", { class: "result", "data-gathered": `${h},${w}` }, `dx[${h}, ${w}] = ${text}`));
  }

  walk() {
    this.walker.textContent = t("toy.stop");
    const next = () => {
      const n = this.outputs;
      if (!n) return this.stop();
      const flat = this.input ? 0 : (this.output[0] * n + this.output[1] + 1) % (n * n);
      this.input = null;
      this.output = [Math.floor(flat / n), flat % n];
      this.update();
      this.timer = setTimeout(next, WALK);
    };
    this.timer = setTimeout(next, 0);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.walker) this.walker.textContent = t("toy.walk");
  }
}
