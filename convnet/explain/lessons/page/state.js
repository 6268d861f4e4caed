// What the reader looks at. It lives in the address (#view/step/pass/cell/loss/image), so a place can be linked to.

const REST = 250; // milliseconds
const listeners = [];
let waiting;

export const state = { view: "network", step: 0, pass: "forward", at: null, loss: "", image: null, focus: null };

export const onChange = (listener) => listeners.push(listener);

/** The place that is looked at, as the address has it. */
export const address = () => `#${[state.view, state.step, state.pass, state.at ?? "", state.loss, ...(state.image === null ? [] : [state.image])].join("/")}`;

/** Browsers stop a page that rewrites its address at every key: it is written when the reader rests. */
function writeAddress() {
  clearTimeout(waiting);
  waiting = setTimeout(() => history.replaceState(null, "", address()), REST);
}

/** Note where the reader is, in a view that shows it already. */
export function note(change) {
  Object.assign(state, change);
  writeAddress();
}

/** Change what is seen; `quiet` leaves the address alone. */
export function go(change, quiet = false) {
  const before = { ...state };
  Object.assign(state, change);
  if (!("focus" in change)) state.focus = null;
  if (!quiet) writeAddress();
  for (const listener of listeners) listener(before);
}

/** The address as a change, or the place that the page was saved at; null where neither names anything. */
export function fromAddress() {
  const kept = document.documentElement.dataset.start ?? "";
  const [view, step, pass, at, loss, image] = decodeURIComponent((location.hash || kept).slice(1)).split("/");
  if (!view) return null;
  const change = { view };
  if (step) change.step = Number(step);
  if (pass) change.pass = pass;
  change.at = at ? Number(at) : null;
  if (loss) change.loss = loss;
  change.image = image ? Number(image) : null;
  return change;
}
