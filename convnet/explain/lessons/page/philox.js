// Philox4x32-10 (Salmon et al., SC 2011): the random word of an element follows from its number, a seed and a step.

const LOW = 0xffffffffn;
const HALF = 32n;

function philox(counter, key) {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const a = 0xd2511f53n * c0;
    const b = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(b >> HALF) ^ c1 ^ k0, b & LOW, (a >> HALF) ^ c3 ^ k1, a & LOW];
    k0 = (k0 + 0x9e3779b9n) & LOW;
    k1 = (k1 + 0xbb67ae85n) & LOW;
  }
  return [c0, c1, c2, c3];
}

/** The 32-bit word of element e. */
export function wordOf(e, seed, step) {
  const group = BigInt(Math.floor(e / 4));
  const [s, t] = [BigInt(seed), BigInt(step)];
  return Number(philox([group & LOW, group >> HALF, t & LOW, t >> HALF], [s & LOW, s >> HALF])[e % 4]);
}
