// A link to the number that is looked at, and the page saved so that it opens there.

import { address } from "./state.js";
import { el } from "./dom.js";
import { languageName, t } from "./i18n.js";

const NOSCRIPT = "This page needs JavaScript, which it brings along; nothing is loaded from the network.";

/** Link and view, as buttons; what they did is said beside them. */
export function sharing() {
  const status = el("span", { class: "shared hint", role: "status" });
  const button = (key, action, mark) => el("button", { type: "button", class: "quiet", onclick: () => action(status), [mark]: true }, t(key));
  return [button("link.copy", copyLink, "data-copy-link"), button("view.save", saveView, "data-save-view"), status];
}

async function copyLink(status) {
  const link = location.href.split("#")[0] + address();
  try {
    await navigator.clipboard.writeText(link);
    status.textContent = t("link.copied");
  } catch {
    const field = el("input", { type: "text", readonly: true, value: link, "aria-label": t("link.manual") });
    status.replaceChildren(t("link.manual"), " ", field);
    field.select();
  }
}

/** The file as it came, and where to begin: the place, the language and the colours of now. */
export function savedPage() {
  const page = document.documentElement.cloneNode(true);
  for (const name of Object.keys(page.dataset)) if (name !== "theme") delete page.dataset[name];
  Object.assign(page.dataset, { start: address(), language: languageName() });
  const [root, ...scripts] = [page.querySelector("#page"), ...page.querySelectorAll("body > script")];
  root.replaceChildren(Object.assign(document.createElement("noscript"), { textContent: NOSCRIPT }));
  page.querySelector("body").replaceChildren(root, ...scripts.flatMap((script) => ["\n", script]), "\n");
  return `<!doctype html>\n${page.outerHTML}\n`;
}

function saveView(status) {
  const name = decodeURIComponent(location.pathname.split("/").pop() || "lesson.html").replace(/(\.html?)?$/, "-view.html");
  const link = el("a", { href: URL.createObjectURL(new Blob([savedPage()], { type: "text/html" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  status.textContent = t("view.saved", name);
}
