// Steps as the columns of a picture: an activation belongs to the layer before it, a flattened map is no column.

import { plainName } from "./names.js";
import { t } from "./i18n.js";

const FOLDED = new Set(["relu", "sigmoid", "softmax", "unary"]);

/**
 * The columns, the image first. value: what a column shows; made, then: the step that computed it and the activation after
 * it, if there is one; steps: all that stand in the column; from: the columns that it reads.
 */
export function stagesOf(network) {
  const stages = [{ value: 0, made: null, then: null, steps: [], from: [] }];
  const shown = new Map([[0, 0]]); // in which column a value is seen
  const readers = (value) => network.steps.filter((step) => step.inputs.includes(value)).length;
  network.steps.forEach((step, t) => {
    const s = shown.get(step.inputs[0]);
    const stage = stages[s];
    const alone = stage.made !== null && stage.then === null && stage.value === step.inputs[0] && readers(stage.value) === 1;
    const row = step.operation === "reshape" && network.document.values[step.output].shape.length === 1;
    if (row || (FOLDED.has(step.operation) && alone)) {
      stage.steps.push(t);
      if (!row) Object.assign(stage, { then: t, value: step.output });
      shown.set(step.output, s);
      return;
    }
    shown.set(step.output, stages.length);
    stages.push({ made: t, then: null, value: step.output, steps: [t], from: [...new Set(step.inputs.map((v) => shown.get(v)))] });
  });
  return stages.map((stage) => ({ ...stage, ...unitsOf(network.document.values[stage.value].shape) }));
}

/** "convolution 2": the operation in words, numbered where there are several. */
export function nameOf(network, stage) {
  const { operation } = network.steps[stage.made];
  const same = network.steps.map((step, n) => [step.operation, n]).filter(([name]) => name === operation);
  const number = same.findIndex(([, n]) => n === stage.made) + 1;
  return t(`stage.${plainName(operation)}`) + (same.length > 1 ? ` ${number}` : "");
}

/** An image has a map a channel; everything else is a row of single numbers. */
function unitsOf(shape) {
  if (shape.length === 3 && shape[0] * shape[1] > 1) return { shape, units: shape[2], isMap: true };
  return { shape, units: shape.reduce((product, n) => product * n, 1), isMap: false };
}

/** The units of the stage before that a unit reads. */
export function sourcesOf(network, stages, s, unit) {
  const before = stages[s - 1];
  const { operation, settings } = network.steps[stages[s].made];
  if (["conv2d", "dense"].includes(operation) && (settings.groups ?? 1) === 1) return Array.from({ length: before.units }, (_, n) => n);
  return [unit % before.units];
}

/** What each unit before gave to this unit's largest number: how strong the line between the two is. */
export function sharesOf(account, stage, before, sources) {
  const found = new Map(sources.map((n) => [n, 0]));
  for (const term of account.terms) {
    const from = term.ia % before.units;
    if (term.ia >= 0 && found.has(from)) found.set(from, found.get(from) + term.product);
  }
  return found;
}
