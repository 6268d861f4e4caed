// Products that fly into their sum: copies of their numbers, moved by `transform` and `opacity` alone.

import { el } from "./dom.js";
import { run } from "./motion.js";

const FLIGHT = 520; // milliseconds
const MOST = 16;

/** Fly copies of some cells into a place, then done(); returns a function that ends it. */
export function flyInto(box, cells, place, done = () => {}) {
  const frame = box.getBoundingClientRect();
  const target = place.getBoundingClientRect();
  const flyers = cells.slice(0, MOST).map((cell) => {
    const from = cell.getBoundingClientRect();
    const copy = el("span", { class: "flyer", "aria-hidden": "true" }, cell.textContent);
    const [x, y] = [from.left + from.width / 2 - frame.left, from.top + from.height / 2 - frame.top];
    box.append(copy);
    return { copy, x, y, dx: target.left + target.width / 2 - frame.left - x, dy: target.top + target.height / 2 - frame.top - y };
  });
  const clear = () => flyers.forEach(({ copy }) => copy.remove());
  const end = run(
    FLIGHT,
    (share) => flyers.forEach(({ copy, x, y, dx, dy }) => {
      copy.style.transform = `translate(${x + dx * share}px, ${y + dy * share - 26 * Math.sin(Math.PI * share)}px) translate(-50%, -50%)`;
      copy.style.opacity = 1 - share ** 4;
    }),
    () => {
      clear();
      done();
    },
  );
  return () => {
    end();
    clear();
  };
}
