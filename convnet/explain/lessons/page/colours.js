// Signed numbers as colours: blue below zero, orange above, the page's own grey at zero. Blue and orange stay apart
// for every common kind of colour blindness.

const MAPS = {
  light: { low: [[12, 74, 140], [110, 164, 214]], zero: [243, 241, 236], high: [[238, 162, 94], [168, 66, 0]] },
  dark: { low: [[150, 205, 255], [52, 122, 196]], zero: [38, 41, 48], high: [[196, 106, 26], [255, 190, 120]] },
};

export const isDark = () =>
  document.documentElement.dataset.theme === "dark" ||
  (document.documentElement.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);

const mix = (a, b, t) => [0, 1, 2].map((i) => a[i] + (b[i] - a[i]) * t);

/** share in -1..1 -> [r, g, b]. */
export function diverging(share, dark = isDark()) {
  const map = MAPS[dark ? "dark" : "light"];
  const t = Math.min(Math.abs(share), 1);
  const [near, far] = share < 0 ? [map.low[1], map.low[0]] : map.high;
  return t < 0.5 ? mix(map.zero, near, t * 2) : mix(near, far, t * 2 - 1);
}

const TONES = 511; // of a palette, the middle one zero
const palettes = {};

/** [r, g, b, r, g, b ...] of all tones: whole pictures are painted from a table. */
export function palette(kind) {
  const colour = kind === "photo" ? (share) => grey(share) : (share) => diverging(share, kind === "dark");
  palettes[kind] ??= Uint8ClampedArray.from(
    Array.from({ length: TONES }, (_, i) => colour(i / ((TONES - 1) / 2) - 1)).flat(),
  );
  return palettes[kind];
}

/** Where the tone of a share, -1 to 1, begins in a palette. */
export const toneOf = (share) => 3 * Math.round((Math.min(Math.max(share || 0, -1), 1) + 1) * ((TONES - 1) / 2));

/** A picture's pixels, 0 black to 1 white. */
export const grey = (share) => [0, 1, 2].map(() => 255 * Math.min(Math.max(share, 0), 1));

export const css = (rgb) => `rgb(${rgb.map(Math.round).join(",")})`;

/** WCAG 2's relative luminance. */
function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const INKS = { "#000000": 0, "#ffffff": 1 }; // of any colour, the better of the two has a contrast of 4.58 or more

/** Black or white, whichever has more contrast with this colour. */
export function inkOn(rgb) {
  const ground = luminance(rgb) + 0.05;
  return ground / (INKS["#000000"] + 0.05) > (INKS["#ffffff"] + 0.05) / ground ? "#000000" : "#ffffff";
}

export function largest(data, from = 0, to = data.length, step = 1) {
  let most = 0;
  for (let i = from; i < to; i += step) if (Math.abs(data[i]) > most) most = Math.abs(data[i]);
  return most;
}
