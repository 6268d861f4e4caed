// Elements in one call: el("button", { class: "a", onclick }, "text", child).

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    const stated = name.startsWith("aria-") && typeof value === "boolean"; // "false" says something there
    if (value === null || value === undefined || (value === false && !stated)) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "html") node.innerHTML = value;
    else node.setAttribute(name, value === true && !stated ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

/** Arrow keys move among an element's buttons, of which one takes part in the Tab order. */
export function roving(container, selector, { select = false } = {}) {
  const items = () => [...container.querySelectorAll(selector)];
  const current = items().find((item) => item.matches('[aria-pressed="true"], [aria-selected="true"], [aria-current]'));
  items().forEach((item) => (item.tabIndex = item === (current ?? items()[0]) ? 0 : -1));
  container.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const list = items();
    const here = list.indexOf(event.target.closest(selector));
    if (here < 0) return;
    const next = event.key === "Home" ? 0 : event.key === "End" ? list.length - 1 : step ? here + step : null;
    if (next === null || !list[next]) return;
    event.preventDefault();
    list.forEach((item) => (item.tabIndex = -1));
    list[next].tabIndex = 0;
    list[next].focus();
    if (select) list[next].click();
  });
}
