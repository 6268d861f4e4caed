// Arrays are flat, channels last: a place [i, j, f] and its flat number are two names of one cell.

export const sizeOf = (shape) => shape.reduce((product, n) => product * n, 1);

export function placeOf(flat, shape) {
  const place = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = flat % shape[axis];
    flat = Math.floor(flat / shape[axis]);
  }
  return place;
}

export const flatOf = (place, shape) => place.reduce((flat, n, axis) => flat * shape[axis] + n, 0);

/** Outputs whose window covers pixel h: all i with h = s*i + d*p - before for some p, as [i, p] pairs. */
export function windowsOver(h, outputs, taps, stride, before, dilation) {
  const found = [];
  for (let p = taps - 1; p >= 0; p--) {
    const i = (h + before - dilation * p) / stride;
    if (Number.isInteger(i) && i >= 0 && i < outputs) found.push([i, p]);
  }
  return found;
}
