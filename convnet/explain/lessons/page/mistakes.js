// Is a guess right, and if not, which mistake leads to it?

import { halfUnit, numberOf } from "./number-text.js";

const COARSEST = 0.05; // of the number: a guess of one digit is no rounding of everything

/** Right: the number, rounded as the guess is, or as the page shows it. shown: the page's own text. */
export function isRight(text, value, shown) {
  const guess = numberOf(text);
  if (guess === null) return false;
  const off = Math.abs(guess - value);
  const slack = 1e-9 * Math.max(Math.abs(value), 1e-30);
  if (shown !== undefined && off <= halfUnit(shown) + slack) return true;
  return off <= Math.min(halfUnit(text), COARSEST * Math.abs(value)) + slack;
}

/** Numbers that a usual mistake gives instead of this one: [[what was wrong, number]]; part: which number of a sum. */
function usual({ value, account, part }) {
  const found = [["sign", -value]];
  if (account && (part === "sum" || part === "activation" || part === "products")) found.push(...ofSum(value, account, part));
  if (part === "share") found.push(["percent", value / 100]);
  if (part === "product") found.push(["added", account.a + account.b]);
  found.push(["ten", 10 * value], ["ten", value / 10]);
  return found;
}

function ofSum(value, account, part) {
  const { terms, start } = account;
  const after = (v) => (part === "activation" && account.rectified ? Math.max(v, 0) : v);
  const found = [];
  if (part === "activation" && account.rectified && account.value < 0) found.push(["relu", account.value]);
  const whole = part === "products" ? account.value - (start ?? 0) : account.value;
  if (account.chosen !== null) {
    const sum = terms.reduce((total, term) => total + term.a, 0);
    return [["added", sum], ["mean", sum / terms.length]];
  }
  if (start && part !== "products") found.push(["bias", after(whole - start)], ["bias.sign", after(whole - 2 * start)]);
  if (start && part === "products") found.push(["bias.early", whole + start]);
  const products = terms.filter((term) => term.b !== null);
  if (products.length > 1) {
    const turned = products.reduce((total, term, n) => total + term.a * products[products.length - 1 - n].b, whole - products.reduce((total, term) => total + term.product, 0));
    found.push(["turned", after(turned)]);
    found.push(["unsigned", after(products.reduce((total, term) => total + Math.abs(term.product), part === "products" ? 0 : (start ?? 0)))]);
    for (const term of products) if (term.product) found.push(["missing", after(whole - term.product)]);
  }
  return found.filter(([, v]) => v !== value);
}

/** The key of the likeliest mistake, or null: the first that gives this guess, rounded as it is. */
export function likelyMistake(text, asked) {
  if (numberOf(text) === null) return "number";
  const hit = usual(asked).find(([, v]) => v && isRight(text, v));
  if (hit) return hit[0];
  return Math.abs(numberOf(text) - asked.value) <= COARSEST * Math.abs(asked.value) ? "near" : null;
}
