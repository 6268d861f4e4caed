// What the arrays of a step are called, in the formulas' letters.

import { t } from "./i18n.js";

const LETTERS = {
  conv2d: { p0: "k", p1: "b" },
  conv2dtranspose: { p0: "k", p1: "b" },
  arithmetic: { p0: "b" },
  dense: { p0: "k", p1: "b" },
  batchnorm: { p0: "γ", p1: "β", p2: "mean", p3: "var" },
  batchnorm_inference: { p0: "γ", p1: "β", p2: "mean", p3: "var" },
  groupnorm: { p0: "γ", p1: "β" },
  add: { x0: "a", x1: "b" },
  "crossentropy logits": { x0: "z", y: "L" },
  "crossentropy sparse": { x0: "ŷ", y: "L" },
  "crossentropy binary": { x0: "ŷ", y: "L" },
  mse: { x0: "ŷ", y: "L" },
};

/** "dx0" of a convolution -> "dx", "dp0" -> "dk". */
export function letter(operation, name) {
  const own = LETTERS[operation] ?? {};
  if (name.startsWith("d") && name !== "dy") return `d${letter(operation, name.slice(1))}`;
  return own[name] ?? name.replace(/\d$/, "");
}

const KINDS = { k: "kernel", b: "bias", γ: "scale", β: "shift", mean: "kept", var: "kept" };

/** What a parameter is: "kernel", "bias" ... A dense layer's k is its weights. */
export const parameterKind = (operation, name) =>
  operation === "dense" && name === "p0" ? "weights" : KINDS[letter(operation, name)];

/** What an array is to its step, in words. */
export function roleOf(operation, name) {
  if (/^p\d/.test(name)) return t(`role.${parameterKind(operation, name)}`);
  if (/^dp\d/.test(name)) return t("role.gradient", t(`role.${parameterKind(operation, name.slice(1))}`));
  return t(`role.${name.replace(/\d$/, "")}`);
}

const AXES = {
  image: { x: ["h", "w", "c"], y: ["i", "j", "f"] },
  kernel: ["p", "q", "c", "f"],
  matrix: ["c", "f"],
};

/** The letters of an array's axes. */
export function axisLetters(name, shape, operation) {
  if (shape.length === 4) return AXES.kernel;
  if (shape.length === 2) return AXES.matrix;
  const output = name === "y" || name === "dy";
  if (shape.length === 3) return output ? (operation === "conv2d" ? AXES.image.y : ["i", "j", "c"]) : AXES.image.x;
  return [output || name.includes("p") ? "f" : "c"];
}

/** "conv1 · conv2d" */
export const stepTitle = (step) => (step.isLoss ? t("loss") : `${step.layer} · ${plain(step.operation)}`);

const plain = (operation) =>
  ({ batchnorm_inference: "batchnorm", reshape: "flatten" })[operation] ?? operation.split(" ")[0];

export const plainName = plain;

/** "3×3, stride 1" */
export function settingsText(step, parameters) {
  const s = step.settings;
  const parts = [];
  const times = (pair) => pair.join("×");
  if (step.operation === "conv2d") parts.push(times(parameters[step.parameters[0]].shape.slice(0, 2)));
  if (s.size) parts.push(times(s.size));
  if (s.stride) parts.push(t("setting.stride", s.stride[0] === s.stride[1] ? s.stride[0] : times(s.stride)));
  if (s.padding && s.padding.flat().some(Boolean)) parts.push(t("setting.padding", s.padding.map((p) => p.join("+")).join(", ")));
  if (s.dilation && s.dilation.some((d) => d > 1)) parts.push(t("setting.dilation", times(s.dilation)));
  if (s.groups > 1) parts.push(t("setting.groups", s.groups));
  if (s.function) parts.push(s.function);
  if (s.rate !== undefined) parts.push(t("setting.rate", s.rate));
  return parts.join(", ");
}
