// Everything that moves, in one loop of the browser's frames. Who prefers less motion sees none: the end is shown at once.

const moving = new Set();
let asked = false;

export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function frame(now) {
  asked = false;
  for (const each of [...moving]) {
    each.begun ??= now;
    if (!each.draw(now - each.begun)) moving.delete(each);
  }
  if (moving.size) ask();
}

function ask() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(frame);
}

/** Call draw(milliseconds since the start) at every frame until it returns false; returns a function that ends it. */
export function move(draw) {
  const each = { draw };
  moving.add(each);
  ask();
  return () => moving.delete(each);
}

/** Slow at both ends. */
export const ease = (share) => (share <= 0 ? 0 : share >= 1 ? 1 : share * share * (3 - 2 * share));

/** From 0 to 1 in so many milliseconds, then done(); at once where motion is not wanted. */
export function run(length, draw, done = () => {}) {
  const finish = () => {
    draw(1);
    done();
    return false;
  };
  if (isStill()) {
    finish();
    return () => {};
  }
  return move((elapsed) => {
    if (elapsed >= length) return finish();
    draw(ease(elapsed / length));
    return true;
  });
}
