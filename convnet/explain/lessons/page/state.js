// What the reader looks at. It lives in the address (#view/step/pass/cell/loss), so a place can be linked to.

const REST = 250; // milliseconds
const listeners = [];
let waiting;

export const state = { view: "network", step: 0, pass: "forward", at: null, loss: "", focus: null };

export const onChange = (listener) => listeners.push(listener);

/** Browsers stop a page that rewrites its address at every key: it is written when the reader rests. */
function writeAddress() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const address = [state.view, state.step, state.pass, state.at ?? "", state.loss].join("/");
    history.replaceState(null, "", `#${address}`);
  }, REST);
}

/** Change what is seen; `quiet` leaves the address alone. */
export function go(change, quiet = false) {
  const before = { ...state };
  Object.assign(state, change);
  if (!("focus" in change)) state.focus = null;
  if (!quiet) writeAddress();
  for (const listener of listeners) listener(before);
}

/** The address as a change, or null where it names nothing. */
export function fromAddress() {
  const [view, step, pass, at, loss] = decodeURIComponent(location.hash.slice(1)).split("/");
  if (!view) return null;
  const change = { view };
  if (step) change.step = Number(step);
  if (pass) change.pass = pass;
  change.at = at ? Number(at) : null;
  if (loss) change.loss = loss;
  return change;
}
