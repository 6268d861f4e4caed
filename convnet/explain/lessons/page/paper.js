// Before printing nothing is folded, and the network keeps its layout, as small as the paper needs; afterwards all is as it was.

const PAPER = 680; // pixels of a sheet's width, within its margins

function shrink(element) {
  const { width } = element.getBoundingClientRect();
  element.style.setProperty("--wide", `${width}px`);
  element.style.setProperty("--shrink", Math.min(1, PAPER / width));
}

function unfold(open) {
  for (const each of document.querySelectorAll("details")) {
    if (open) each.dataset.was = each.open;
    each.open = open || each.dataset.was === "true";
  }
}

export function startPaper() {
  addEventListener("beforeprint", () => {
    document.querySelectorAll(".overview, .net").forEach(shrink);
    unfold(true);
  });
  addEventListener("afterprint", () => unfold(false));
}
