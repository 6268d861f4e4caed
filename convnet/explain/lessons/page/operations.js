// Every operation of the engine by its name: its passes, each the account of one number.

import { add, dropout, reshape } from "./op-plain.js";
import { batchnorm, batchnorm_inference } from "./op-batchnorm.js";
import { conv2d } from "./op-conv2d.js";
import { groupnorm } from "./op-groupnorm.js";
import { conv2dtranspose } from "./op-conv2dtranspose.js";
import { dense } from "./op-dense.js";
import { log_softmax, relu, sigmoid, softmax } from "./op-activations.js";
import { unary } from "./op-unary.js";
import { lossOperations } from "./op-losses.js";
import { arithmetic, concatenate, resample } from "./op-rearranged.js";
import { avgpool2d, globalavgpool, maxpool2d } from "./op-pooling.js";

export const operations = {
  conv2d,
  conv2dtranspose,
  dense,
  maxpool2d,
  avgpool2d,
  globalavgpool,
  relu,
  sigmoid,
  unary,
  softmax,
  log_softmax,
  batchnorm,
  batchnorm_inference,
  groupnorm,
  dropout,
  add,
  reshape,
  arithmetic,
  concatenate,
  resample,
  ...lossOperations,
};

/** The passes of a step, in the order in which the page offers them. */
export function passesOf(step) {
  const operation = operations[step.operation];
  const wanted = ["forward", ...step.inputs.map((_, n) => `dx${n}`), ...step.parameters.map((_, n) => `dp${n}`)];
  return wanted.filter((name) => operation[name]);
}
