// The network of the page: its steps, the kernels' numbers, and the same numbers computed anew from other weights.

import { Account } from "./account.js";
import { operations } from "./operations.js";
import { sizeOf } from "./places.js";

const tensorOf = (shape, data) => ({ shape, data, known: () => false });

export class Network {
  constructor(document, tensors) {
    this.document = document;
    this.tensors = tensors;
    this.dtype = document.dtype;
    this.steps = document.steps;
    this.output = document.steps.length ? document.steps[document.steps.length - 1].output : 0;
    this.contexts = new Map();
    this.label = document.label;
    this.outline = null; // of what the label is about: see gallery.js
    if (document.cut) this.fillIn();
    this.first = tensors;
  }

  /** Look at another image of the gallery: all its numbers are computed here, and known to be no kernel's. */
  look(image) {
    this.contexts.clear();
    this.label = image?.label ?? this.document.label;
    this.image = image;
    this.losses = {};
    this.tensors = image ? this.computed(image) : this.first;
  }

  /** The tensors that the kernels' numbers of another image would be. */
  computed(image) {
    const weights = this.weights();
    const values = this.forward(weights, undefined, image);
    const found = new Map(weights.map((tensor, i) => [`p${i}`, tensor]));
    values.forEach((value, v) => found.set(`x${v}`, value));
    for (const loss of Object.keys(this.document.losses)) {
      const target = this.targetOf(loss, image.label);
      this.losses[loss] = { target, value: this.lossOf(values, loss, { target }) };
      const { dy, dx } = this.backward(values, weights, loss, { target, ofWeights: false });
      dy.forEach((gradient, v) => found.set(`${loss} dx${v}`, gradient));
      for (const [place, share] of Object.entries(dx)) found.set(`${loss} dx${place}`, share);
    }
    return found;
  }

  /** A label in the form in which a loss has its target. */
  targetOf(loss, label) {
    const own = this.document.losses[loss].target;
    const classes = this.document.values[this.output].shape[0];
    return classes > 1 && own.length > 1 ? own.map((_, k) => (k === label ? 1 : 0)) : [label];
  }

  /** A step by its number; the one after the last is the loss. */
  step(t, loss) {
    if (t < this.steps.length) return this.steps[t];
    const found = { ...this.document.losses[loss], ...this.losses?.[loss] };
    return { ...found, layer: "loss", kind: "Loss", inputs: [this.output], parameters: [], settings: {}, isLoss: true };
  }

  weights() {
    return this.document.parameters.map((_, i) => this.tensors.get(`p${i}`));
  }

  /** Everything that the passes of step t read and make: the kernels' numbers. */
  context(t, loss) {
    const key = `${t} ${loss}`;
    if (this.contexts.has(key)) return this.contexts.get(key);
    const step = this.step(t, loss);
    const get = (name) => this.tensors.get(name);
    const c = { settings: step.settings, target: this.losses?.[loss]?.target ?? this.document.losses[loss].target };
    step.inputs.forEach((v, n) => {
      c[`x${n}`] = get(`x${v}`);
      c[`dx${n}`] = get(`${loss} dx${t}.${n}`) ?? get(`${loss} dx${v}`);
    });
    step.parameters.forEach((p, n) => {
      c[`p${n}`] = get(`p${p}`);
      const slope = get(`${loss} dp${t}.${n}`);
      if (slope) c[`dp${n}`] = slope;
    });
    if (step.isLoss) c.y = { shape: [1], data: [step.value], known: () => !this.image };
    else {
      c.y = get(`x${step.output}`);
      c.dy = get(`${loss} dx${step.output}`);
      c.mean = get(`mean${t}`);
      c.variance = get(`variance${t}`);
    }
    const ready = operations[step.operation].prepare?.(c) ?? c;
    this.fillGradients(ready, step);
    this.contexts.set(key, ready);
    return ready;
  }

  /** Gradients of weights that the page does not hold are computed here, and known to be no kernel's. */
  fillGradients(c, step) {
    step.parameters.forEach((p, n) => {
      const pass = operations[step.operation][`dp${n}`];
      if (pass && !c[`dp${n}`]) c[`dp${n}`] = tensorOf(c[`p${n}`].shape, this.all(c, pass, c[`p${n}`].shape));
    });
  }

  /** The account of one number. */
  explain(t, loss, passName, at) {
    const pass = operations[this.step(t, loss).operation][passName];
    const c = this.context(t, loss);
    return this.run(c, pass, at, this.account(c, pass));
  }

  /** An account for a pass over the kernels' arrays. */
  account(c, pass, keep = true) {
    const account = new Account(this.dtype, keep);
    return this.document.cut ? account.watch(c[pass.a], c[pass.b]) : account;
  }

  /** Compute one number; `sure` then says whether all that went into it are the kernels' own numbers. */
  run(c, pass, at, account) {
    pass.run(c, at, account.clear());
    if (this.document.cut && pass.whole?.some((name) => !c[name].whole)) account.sure = false;
    return account;
  }

  /** A whole array: one number after another, as they are explained, or by loops that give the same. */
  all(c, pass, shape) {
    if (pass.array) return pass.array(c);
    const account = new Account(this.dtype, false);
    const data = new Float64Array(sizeOf(shape));
    for (let at = 0; at < data.length; at++) {
      account.clear();
      pass.run(c, at, account);
      data[at] = account.value;
    }
    return data;
  }

  own(t, values, weights) {
    const step = this.steps[t];
    const c = { settings: step.settings, y: values[step.output] };
    step.inputs.forEach((v, n) => (c[`x${n}`] = values[v]));
    step.parameters.forEach((p, n) => (c[`p${n}`] = weights[p]));
    return c;
  }

  ready(t, c) {
    return operations[this.steps[t].operation].prepare?.(c) ?? c;
  }

  /** All values that these weights make of an image, up to and including step `last`. */
  forward(weights, last = this.steps.length - 1, image = this.tensors.get("x0")) {
    const values = [{ ...image }];
    for (let t = 0; t <= last; t++) {
      const step = this.steps[t];
      const shape = this.document.values[step.output].shape;
      values[step.output] = tensorOf(shape, null);
      const c = this.ready(t, this.own(t, values, weights));
      values[step.output].data = this.all(c, operations[step.operation].forward, shape);
    }
    return values;
  }

  /** Where a loss is computed: on the output or, as in training, on the scores before its softmax. */
  ending(loss, { target = this.document.losses[loss].target, fused = false } = {}) {
    const { operation } = this.document.losses[loss];
    const last = this.steps.at(-1);
    if (!fused || last?.operation !== "softmax" || operation !== "crossentropy sparse") return { operation, target, of: this.output, last: this.steps.length - 1 };
    return { operation: "crossentropy logits", target, of: last.inputs[0], last: this.steps.length - 2 };
  }

  lossOf(values, loss, options) {
    return this.lossPass(values, this.ending(loss, options), "forward", [1])[0];
  }

  lossPass(values, { operation, target, of }, pass, shape) {
    return this.all({ target, x0: values[of] }, operations[operation][pass], shape);
  }

  /** The gradients of all values and weights: {dy: [...], dp: [...], dx: {"t.n": a step's share}}; target, fused: see `ending`. */
  backward(values, weights, loss, { ofWeights = true, ...options } = {}) {
    const dy = [];
    const dp = [];
    const dx = {};
    const gather = (list, i, shape, data) => {
      if (!list[i]) list[i] = tensorOf(shape, data);
      else list[i].data.forEach((v, e) => (list[i].data[e] = v + data[e]));
    };
    const end = this.ending(loss, options);
    const { shape } = values[end.of];
    dy[end.of] = tensorOf(shape, this.lossPass(values, end, "dx0", shape));
    for (let t = end.last; t >= 0; t--) {
      const step = this.steps[t];
      const operation = operations[step.operation];
      const c = this.ready(t, { ...this.own(t, values, weights), dy: dy[step.output] });
      step.inputs.forEach((v, n) => {
        const { shape } = c[`x${n}`];
        const share = this.all(c, operation[`dx${n}`], shape);
        const shared = this.steps.filter((each) => each.inputs.includes(v)).length > 1;
        if (shared) dx[`${t}.${n}`] = tensorOf(shape, share.slice());
        gather(dy, v, shape, share);
      });
      step.parameters.forEach((p, n) => {
        const pass = operation[`dp${n}`];
        if (ofWeights && pass && step.trains) gather(dp, p, c[`p${n}`].shape, this.all(c, pass, c[`p${n}`].shape));
      });
    }
    return { dy, dp, dx };
  }

  /** Of large maps the page holds the kernels' numbers of the middle: the rest is computed here. */
  fillIn() {
    const weights = this.weights();
    const values = this.forward(weights);
    const fill = (name, data) => {
      const tensor = this.tensors.get(name);
      tensor?.data.forEach((v, i) => {
        if (!tensor.known(i)) tensor.data[i] = data[i];
      });
    };
    values.forEach((value, i) => fill(`x${i}`, value.data));
    for (const loss of Object.keys(this.document.losses)) {
      const { dy } = this.backward(values, weights, loss, { ofWeights: false });
      dy.forEach((gradient, i) => fill(`${loss} dx${i}`, gradient.data));
    }
  }
}
