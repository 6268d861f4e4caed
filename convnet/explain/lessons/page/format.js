// Numbers and cells as text.

/** About six digits, with a true minus sign. */
export function short(v) {
  if (v === 0) return "0";
  if (!Number.isFinite(v)) return String(v);
  const size = Math.abs(v);
  const text = size >= 1e6 || size < 1e-4 ? v.toExponential(3) : String(Number(v.toPrecision(6)));
  return text.replaceAll("-", "−");
}

/** Four letters at most, for small cells: .72, −.07, 3e−5, 12.5. */
export function tiny(v) {
  if (v === 0) return "0";
  const size = Math.abs(v);
  if (size >= 1e4 || size < 0.01) return v.toExponential(0).replace("e+", "e").replaceAll("-", "−");
  const text = size < 0.995 ? v.toFixed(2).replace("0.", ".") : v.toPrecision(size < 9.95 ? 2 : 3);
  return text.replace("-", "−");
}

/** A probability as a percentage. */
export const percent = (v) => (v > 0 && v < 0.0005 ? "< 0.1 %" : `${(100 * v).toFixed(1)} %`);

/** Every digit that a number of this type has. */
export const full = (v, dtype) =>
  (dtype === "float64" ? String(v) : Number.isInteger(v) ? String(v) : Number(v).toPrecision(9)).replaceAll("-", "−");

export const small = (v) => (v === 0 ? "0" : v.toExponential(1).replaceAll("-", "−"));

/** x[3, 4, 0] */
export const cell = (name, place) => `${name}[${place.join(", ")}]`;

export const dims = (shape) => shape.join(" × ");
