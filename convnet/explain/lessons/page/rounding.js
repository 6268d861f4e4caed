// How far a kernel may be from the exact sum, whatever the order of its terms: gamma_m * sum|terms|, as in
// kernels/verify/rounding.py (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).

const DOUBLE = 2 ** -53;
const SMALLEST = { float32: 2 ** -149, float64: 2 ** -1074 };

export const unitOf = (dtype) => (dtype === "float64" ? DOUBLE : 2 ** -24);
export const gamma = (m, u) => (m * u) / (1 - m * u);

/** gamma of a sum that float64 takes up, whatever the array's type: `others` are the roundings in that type. */
export const wide = (terms, others, u) =>
  u === DOUBLE ? gamma(terms + others, u) : gamma(others, u) + gamma(terms, DOUBLE);

/** The bound of a sum with m roundings; the page's own double-precision sum errs too. */
export function ofSum(m, magnitude, dtype) {
  return (gamma(m, unitOf(dtype)) + gamma(m, DOUBLE)) * magnitude + SMALLEST[dtype] * Math.max(m, 1);
}

/** The distance from |v| to the next number of this type. */
export function spacing(v, dtype) {
  const [digits, lowest] = dtype === "float64" ? [52, -1074] : [23, -149];
  return v === 0 ? 2 ** lowest : 2 ** Math.max(Math.floor(Math.log2(Math.abs(v))) - digits, lowest);
}

export const smallest = (dtype) => SMALLEST[dtype];
