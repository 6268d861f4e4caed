// A drawing brought to 8x8 as the data set was: scaled to a box of 20 x 32 pixels in a bitmap of 32 x 32, its stroke made
// as thick as a digit's ink usually is, and the black pixels counted in blocks of 4 x 4.
// Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998); Garris et al., NISTIR 5469, 1994.

const SIDE = 32;
const BLOCK = 4;
const BOX = [20, 32]; // width and height
const INK = 0.305; // of all pixels: the data set's mean
const WIDTHS = [2, 12]; // pixels of a stroke
const MOST_STRETCH = 1.6; // of one axis against the other: a "1" stays a line
const HALVINGS = 12;

function boundsOf(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), width: Math.max(...xs) - Math.min(...xs), height: Math.max(...ys) - Math.min(...ys) };
}

/** The strokes in pixels of the bitmap, in the middle, filling the box as far as they may be stretched. */
function fit(strokes, pen) {
  const { left, top, width, height } = boundsOf(strokes.flat());
  const across = width ? (BOX[0] - pen) / width : Infinity;
  const down = height ? (BOX[1] - pen) / height : Infinity;
  if (across === Infinity && down === Infinity) return strokes.map((stroke) => stroke.map(() => [SIDE / 2, SIDE / 2]));
  const [sx, sy] = [Math.min(across, MOST_STRETCH * down), Math.min(down, MOST_STRETCH * across)];
  return strokes.map((stroke) => stroke.map(([x, y]) => [SIDE / 2 + (x - left - width / 2) * sx, SIDE / 2 + (y - top - height / 2) * sy]));
}

/** The distance of a point from a line between two others, squared. */
function distance(px, py, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const share = length ? Math.min(Math.max(((px - ax) * dx + (py - ay) * dy) / length, 0), 1) : 0;
  return (px - ax - share * dx) ** 2 + (py - ay - share * dy) ** 2;
}

/** Which pixels a pen of this width blackens. */
function blacken(strokes, pen) {
  const black = new Uint8Array(SIDE * SIDE);
  const reach = (pen / 2) ** 2;
  for (const stroke of fit(strokes, pen))
    for (let n = 0; n < Math.max(stroke.length - 1, 1); n++) {
      const [from, to] = [stroke[n], stroke[Math.min(n + 1, stroke.length - 1)]];
      const [low, high] = [0, 1].map((axis) => [Math.floor(Math.min(from[axis], to[axis]) - pen), Math.ceil(Math.max(from[axis], to[axis]) + pen)]);
      for (let y = Math.max(high[0], 0); y < Math.min(high[1], SIDE); y++)
        for (let x = Math.max(low[0], 0); x < Math.min(low[1], SIDE); x++)
          if (distance(x + 0.5, y + 0.5, from, to) <= reach) black[y * SIDE + x] = 1;
    }
  return black;
}

/** The bitmap of a drawing: of all widths of the pen the one whose ink comes closest to the data set's. */
export function bitmapOf(strokes) {
  let [thin, thick] = WIDTHS;
  for (let n = 0; n < HALVINGS; n++) {
    const pen = (thin + thick) / 2;
    const ink = blacken(strokes, pen).reduce((sum, v) => sum + v, 0);
    if (ink < INK * SIDE * SIDE) thin = pen;
    else thick = pen;
  }
  return blacken(strokes, (thin + thick) / 2);
}

/** {shape, data} of 8x8 numbers, each a whole number of sixteenths; strokes are lists of [x, y]. */
export function imageOf(strokes) {
  const cells = SIDE / BLOCK;
  const data = new Float64Array(cells * cells);
  if (strokes.length)
    bitmapOf(strokes).forEach((black, at) => {
      data[Math.floor(at / SIDE / BLOCK) * cells + Math.floor((at % SIDE) / BLOCK)] += black / BLOCK ** 2;
    });
  return { shape: [cells, cells, 1], data, known: () => true };
}
