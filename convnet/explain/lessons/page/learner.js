// Training in the page: the engine's steps, taken with the page's own passes in double precision.

import { sizeOf } from "./places.js";
import { unpack } from "./unpack.js";
import { UPDATES } from "./updates.js";

const LOSS = "crossentropy";

/** Images of a set, as arrays that the passes read. */
async function images({ x, y }) {
  const { shape, data } = await unpack(x);
  const one = shape.slice(1);
  const size = sizeOf(one);
  return y.map((label, n) => ({ shape: one, data: data.subarray(n * size, (n + 1) * size), label, known: () => true }));
}

/** The largest of a network's answers. */
export function answerOf(values, output) {
  const { data } = values[output];
  let best = 0;
  for (let k = 1; k < data.length; k++) if (data[k] > data[best]) best = k;
  return best;
}

function finish(work) {
  let found;
  do found = work.next();
  while (!found.done);
  return found.value;
}

export class Learner {
  /** Unpacking needs waiting: `await Learner.open(network)`. */
  static async open(network) {
    const found = network.document.classroom;
    const starts = {};
    for (const [name, arrays] of Object.entries(found.starts)) starts[name] = await Promise.all(arrays.map(unpack));
    return new Learner(network, found, { train: await images(found.train), test: await images(found.test), starts });
  }

  constructor(network, classroom, { train, test, starts }) {
    Object.assign(this, { network, classroom, train, test, starts });
    this.begin(Object.keys(starts)[0]);
  }

  /** Back to where training may start, the optimizer's moments 0. */
  begin(name) {
    this.started = name;
    this.weights = this.starts[name];
    this.moments = this.weights.map(({ data }) => Array.from(data, () => [0, 0]));
    this.taken = 0;
    this.losses = []; // of each batch, before its update
    this.strayed = false; // steps were taken that the engine did not take
  }

  forward(image) {
    return this.network.forward(this.weights, undefined, image);
  }

  answer(image) {
    return answerOf(this.forward(image), this.network.output);
  }

  /** How many of these images the network names rightly. */
  right(images) {
    return images.reduce((sum, image) => sum + (this.answer(image) === image.label), 0);
  }

  /** One step on the next batch, an image at a time: whoever calls may pause between two images. */
  *stepping() {
    const { batches } = this.classroom;
    if (this.taken >= batches.length) this.strayed = true;
    const loss = yield* this.learning(batches[this.taken % batches.length].map((n) => this.train[n]));
    this.losses.push(loss);
    return loss;
  }

  /** The same at once; returns the batch's loss before the update. */
  step() {
    return finish(this.stepping());
  }

  /** One step on a single image, which the engine did not take. */
  stepOn(image) {
    this.strayed = true;
    return finish(this.learning([image]));
  }

  /** The mean gradient of some images, and Adam's update. */
  *learning(images) {
    let loss = 0;
    let total = null;
    for (const image of images) {
      const values = this.forward(image);
      const options = { target: [image.label], fused: true };
      loss += this.network.lossOf(values, LOSS, options);
      const { dp } = this.network.backward(values, this.weights, LOSS, options);
      total ??= dp.map((gradient) => gradient.data.map(() => 0));
      dp.forEach(({ data }, i) => data.forEach((v, e) => (total[i][e] += v)));
      yield;
    }
    this.gradient = total.map((data) => data.map((v) => v / images.length));
    this.update();
    return loss / images.length;
  }

  update() {
    this.taken++;
    this.weights = this.weights.map(({ shape, data }, i) => {
      if (!this.gradient[i]) return this.weights[i];
      const next = new Float64Array(data.length);
      for (let e = 0; e < next.length; e++)
        [next[e], this.moments[i][e]] = UPDATES.adam(data[e], this.gradient[i][e], this.moments[i][e], this.classroom.adam, this.taken, "float64");
      return { shape, data: next, known: () => false };
    });
  }

  /** The engine's losses of the same steps, so far: {float32, float64}, or null where the page went its own way. */
  engine() {
    return this.strayed || !this.taken ? null : this.classroom.engine[this.started];
  }
}
