// The window slides over a map's input while its output is filled: two frames moved by `transform`, in one loop.

import { isStill, run } from "./motion.js";

const GLIDE = 260; // milliseconds from one place to the next
const REST = 420; // milliseconds there

/** Put a frame over a part of a picture, in shares of its width and height. */
export function lay(frame, [x, y, width, height]) {
  frame.hidden = false;
  Object.assign(frame.style, { width: `${100 * width}%`, height: `${100 * height}%` });
  frame.style.transform = `translate(${(100 * x) / width}%, ${(100 * y) / height}%)`;
}

export class Slide {
  /** places: how many; boxes(n): the frames' boxes at place n, [x, y, width, height] each; arrive(n, done). */
  constructor({ places, frames, boxes, arrive, at = 0 }) {
    Object.assign(this, { places, frames, boxes, arrive, at });
    this.ends = [];
    this.here = boxes(at);
  }

  start() {
    this.running = true;
    this.next();
  }

  /** To the next place; not at all where motion is not, or no longer, wanted. */
  next() {
    if (isStill()) return this.stop();
    const from = this.here;
    const at = (this.at + 1) % this.places;
    const to = this.boxes(at);
    this.end = run(GLIDE, (share) => this.frames.forEach((frame, n) => lay(frame, to[n].map((v, i) => from[n][i] + (v - from[n][i]) * share))), () => {
      this.at = at;
      this.here = to;
      this.arrive(at, () => this.rest());
    });
    return undefined;
  }

  rest() {
    if (this.running) this.end = run(REST, () => {}, () => this.running && this.next());
  }

  stop() {
    this.running = false;
    this.end?.();
  }
}
