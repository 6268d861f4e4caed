// How an array is seen: one slice at a time, as a grid of cells. Images by channel, kernels by channel and filter,
// matrices by column, vectors as a block of rows.

/** Columns for n numbers: one row of a few, else a divisor that makes a block not too oblong. */
function columns(n) {
  if (n <= 16) return n;
  const root = Math.ceil(Math.sqrt(n));
  for (let c = root; c <= 2.5 * root; c++) if (n % c === 0) return c;
  return root;
}

/** The names and sizes of what chooses a slice. */
export function axesOf(shape) {
  if (shape.length === 3) return [["c", shape[2]]];
  if (shape.length === 4) return [["c", shape[2]], ["f", shape[3]]];
  if (shape.length === 2) return [["f", shape[1]]];
  return [];
}

export function sliceOf(at, shape) {
  if (shape.length === 3) return [at % shape[2]];
  if (shape.length === 4) return [Math.floor(at / shape[3]) % shape[2], at % shape[3]];
  if (shape.length === 2) return [at % shape[1]];
  return [];
}

/** {rows, cols, at(r, c) -> flat number or -1, cellOf(flat) -> [r, c] or null} of one slice. */
export function gridOf(shape, slice) {
  const plane = (rows, cols, stride, offset, count = rows * cols) => ({
    rows,
    cols,
    at: (r, c) => (r >= 0 && c >= 0 && r < rows && c < cols && r * cols + c < count ? (r * cols + c) * stride + offset : -1),
    cellOf: (flat) => {
      const n = (flat - offset) / stride;
      return Number.isInteger(n) && n >= 0 && n < count ? [Math.floor(n / cols), n % cols] : null;
    },
  });
  if (shape.length === 3) return plane(shape[0], shape[1], shape[2], slice[0]);
  if (shape.length === 4) return plane(shape[0], shape[1], shape[2] * shape[3], slice[0] * shape[3] + slice[1]);
  const count = shape[0];
  const cols = columns(count);
  const rows = Math.ceil(count / cols);
  return shape.length === 2 ? plane(rows, cols, shape[1], slice[0], count) : plane(rows, cols, 1, 0, count);
}
