// What an optimizer does with one number: kernels/sgd and kernels/adam.

import { ofSum } from "./rounding.js";

/** The update of one number: [new weight, new moments, how far rounding may go]. */
export const UPDATES = {
  sgd: (p, g, moment, { lr }, step, dtype) => [p - lr * g, moment, ofSum(8, Math.abs(p) + Math.abs(lr * g), dtype)],
  adam: (p, g, [m, v], { lr, beta1, beta2, epsilon }, step, dtype) => {
    const first = m + (g - m) * (1 - beta1);
    const second = v + (g * g - v) * (1 - beta2);
    const alpha = (lr * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
    const move = (alpha * first) / (Math.sqrt(second) + epsilon);
    const size = Math.abs(p) + (alpha * (Math.abs(m) + (1 - beta1) * (Math.abs(g) + Math.abs(m)))) / (Math.sqrt(second) + epsilon);
    return [p - move, [first, second], ofSum(20, size, dtype)];
  },
};
