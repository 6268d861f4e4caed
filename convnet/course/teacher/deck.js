// One slide at a time: arrows, space, Page Up and Down, Home and End; N shows what to say. The address keeps the place.
const slides = [...document.querySelectorAll("section")];
const place = () => Math.max(0, slides.findIndex((s) => `#${s.id}` === location.hash));

function show(number) {
  const n = Math.min(Math.max(number, 0), slides.length - 1);
  history.replaceState(null, "", `#${slides[n].id}`);
  slides.forEach((s, at) => s.classList.toggle("now", at === n));
  slides[n].focus({ preventScroll: true });
  scrollTo(0, 0);
}

const KEYS = {
  ArrowRight: () => show(place() + 1),
  PageDown: () => show(place() + 1),
  " ": () => show(place() + 1),
  ArrowLeft: () => show(place() - 1),
  PageUp: () => show(place() - 1),
  Home: () => show(0),
  End: () => show(slides.length - 1),
  n: () => document.body.classList.toggle("said"),
};
addEventListener("keydown", (event) => {
  const key = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  key();
});
addEventListener("hashchange", () => show(place()));
addEventListener("click", (event) => event.target.closest("a, code, aside") || show(place() + 1));
document.body.classList.add("one");
show(place());
