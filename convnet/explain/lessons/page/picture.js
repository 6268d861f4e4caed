// A slice drawn on a small canvas, one pixel a cell; style sheets enlarge it without smoothing.

import { css, diverging, grey, inkOn, isDark, largest, palette, toneOf } from "./colours.js";
import { gridOf, sliceOf } from "./slices.js";
import { tiny } from "./format.js";
import { svg } from "./dom.js";

const LONGEST_ROW = 32; // cells
const CURVE = [900, 300]; // pixels

export function sliceScale(tensor, grid) {
  let most = 0;
  for (let r = 0; r < grid.rows; r++)
    for (let c = 0; c < grid.cols; c++) {
      const at = grid.at(r, c);
      if (at >= 0) most = Math.max(most, Math.abs(tensor.data[at]) || 0);
    }
  return most || 1;
}

export const tensorScale = (tensor) => (tensor.scale ??= largest(tensor.data) || 1);

/** A signal, one pixel high, is seen as a curve. */
export const isCurve = (grid) => grid.rows === 1 && grid.cols > LONGEST_ROW;

const row = (tensor, grid) => Array.from({ length: grid.cols }, (_, c) => tensor.data[grid.at(0, c)]);

/** The smallest and the largest number of a curve: the bottom and the top of its picture. */
export function curveRange(tensor, grid) {
  const values = row(tensor, grid).filter(Number.isFinite);
  return [Math.min(...values), Math.max(...values)];
}

function drawCurve(canvas, tensor, grid) {
  [canvas.width, canvas.height] = CURVE;
  const [W, H] = CURVE;
  const context = canvas.getContext("2d");
  const [low, high] = curveRange(tensor, grid);
  const y = (v) => H - 6 - ((v - low) / (high - low || 1)) * (H - 12);
  const line = (colour, width, points) => {
    context.beginPath();
    points.forEach(([x, v]) => context.lineTo(x, y(v)));
    Object.assign(context, { strokeStyle: colour, lineWidth: width, lineJoin: "round" });
    context.stroke();
  };
  const values = row(tensor, grid);
  if (low <= 0 && high >= 0) line("#8888", 2, [[0, 0], [W, 0]]);
  line(css(diverging(-1)), 3, values.map((v, c) => [((c + 0.5) / grid.cols) * W, v]));
}

/** The image itself: three channels from 0 on are its colours, otherwise the first channel stands for it. */
export function drawImage(canvas, image) {
  const photo = image.data.every((v) => v >= 0);
  const grid = gridOf(image.shape, sliceOf(0, image.shape));
  if (!photo || image.shape[2] !== 3) return draw(canvas, image, grid, sliceScale(image, grid), photo);
  [canvas.width, canvas.height] = [grid.cols, grid.rows];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(grid.cols, grid.rows);
  const scale = tensorScale(image);
  for (let at = 0; at < grid.rows * grid.cols; at++) {
    for (let part = 0; part < 3; part++) pixels.data[4 * at + part] = (255 * image.data[3 * at + part]) / scale;
    pixels.data[4 * at + 3] = 255;
  }
  return context.putImageData(pixels, 0, 0);
}

/** Draw a slice; `photo` in greys. */
export function draw(canvas, tensor, grid, scale, photo = false) {
  canvas.classList.toggle("curve-picture", isCurve(grid));
  if (isCurve(grid)) return drawCurve(canvas, tensor, grid);
  canvas.width = grid.cols;
  canvas.height = grid.rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(grid.cols, grid.rows);
  const tones = palette(photo ? "photo" : isDark() ? "dark" : "light");
  for (let r = 0; r < grid.rows; r++)
    for (let c = 0; c < grid.cols; c++) {
      const at = grid.at(r, c);
      const pixel = (r * grid.cols + c) * 4;
      if (at < 0) continue;
      const tone = toneOf(tensor.data[at] / scale);
      for (let part = 0; part < 3; part++) image.data[pixel + part] = tones[tone + part];
      image.data[pixel + 3] = 255;
    }
  return context.putImageData(image, 0, 0);
}

/** A small table of numbers on their colours, as an SVG. `marked`: the cell with a frame. */
export function numbers(rows, scale, { photo = false, marked = null, label = "" } = {}) {
  const height = rows.length;
  const width = rows[0].length;
  const cells = rows.flatMap((row, r) =>
    row.map((v, c) => {
      if (v === null) return svg("rect", { x: c, y: r, width: 1, height: 1, class: "blank" });
      const colour = photo ? grey(v / scale) : diverging(v / scale);
      const frame = marked && marked[0] === r && marked[1] === c;
      return svg(
        "g",
        {},
        svg("rect", { x: c, y: r, width: 1, height: 1, fill: css(colour), class: frame ? "framed" : null }),
        svg("text", { x: c + 0.5, y: r + 0.6, fill: inkOn(colour), class: tiny(v).length > 4 ? "long" : null }, tiny(v)),
      );
    }),
  );
  return svg("svg", { viewBox: `-0.04 -0.04 ${width + 0.08} ${height + 0.08}`, class: "numbers", role: "img", "aria-label": label, style: `--cols:${width}` }, ...cells);
}
