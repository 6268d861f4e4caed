// Arrays out of the page's text: base64, gzip, then planes of bytes (convnet/explain/lessons/pack.py writes them).

import { sizeOf } from "./places.js";

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function numbers(planes, dtype) {
  const width = dtype === "float64" ? 8 : 4;
  const count = planes.length / width;
  const bytes = new Uint8Array(planes.length);
  for (let b = 0; b < width; b++) for (let i = 0; i < count; i++) bytes[i * width + b] = planes[b * count + i];
  return dtype === "float64" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
}

/** {shape, data, known}: known(i) says whether the page has the kernel's number of cell i. */
export async function unpacked(entry) {
  const kept = numbers(await inflate(entry.data), entry.dtype);
  if (!entry.box) return { shape: entry.shape, data: kept, known: () => true, whole: true };
  const [[top, bottom], [left, right]] = entry.box;
  const [, W, C] = entry.shape;
  const data = new kept.constructor(sizeOf(entry.shape)).fill(NaN);
  const line = (right - left) * C;
  for (let h = top; h < bottom; h++)
    data.set(kept.subarray((h - top) * line, (h - top + 1) * line), (h * W + left) * C);
  const known = (i) => {
    const [h, w] = [Math.floor(i / (W * C)), Math.floor(i / C) % W];
    return h >= top && h < bottom && w >= left && w < right;
  };
  return { shape: entry.shape, data, known };
}

export async function unpackAll(entries) {
  const names = Object.keys(entries);
  const arrays = await Promise.all(names.map((name) => unpacked(entries[name])));
  return new Map(names.map((name, i) => [name, arrays[i]]));
}
