// The account of one number: its terms, their running sum, what is done with the sum, and how far rounding may go.

import { ofSum } from "./rounding.js";

export class Account {
  /** keep: hold every term, to show it; without, only the result (when a whole array is computed). */
  constructor(dtype, keep = true) {
    this.dtype = dtype;
    this.keep = keep;
    this.watched = null;
    this.clear();
  }

  /** Of a page that holds only the middle of large maps: notice when a term is not the kernel's own. */
  watch(a, b) {
    this.watched = [a, b];
    return this;
  }

  see(...places) {
    places.forEach((at, n) => this.also(this.watched[n], at));
  }

  /** A cell that is read without being a term. */
  also(tensor, at) {
    if (this.watched && tensor && at >= 0 && !tensor.known(at)) this.sure = false;
  }

  clear() {
    this.terms = [];
    this.lines = [];
    this.start = null;
    this.total = 0;
    this.magnitude = 0;
    this.value = 0;
    this.bound = 0;
    this.chosen = null;
    this.sure = true;
    return this;
  }

  /** The sum begins with the bias. */
  begin(bias) {
    this.start = bias;
    this.total = bias;
    this.magnitude = Math.abs(bias);
  }

  /** One product a*b, its factors' places ia and ib (-1: no cell of an array). */
  add(a, b, ia, ib) {
    const product = a * b;
    this.total += product;
    this.magnitude += Math.abs(product);
    if (this.watched) this.see(ia, ib);
    if (this.keep) this.terms.push({ a, b, ia, ib, product, total: this.total });
  }

  /** A term alone, not a product; `name` where it is no cell of an array. */
  plain(a, ia, name = null) {
    this.total += a;
    this.magnitude += Math.abs(a);
    if (this.watched) this.see(ia);
    if (this.keep) this.terms.push({ a, b: null, ia, ib: -1, product: a, total: this.total, name });
  }

  /** A factor that lies in the padding: its product is 0. */
  outside(b, ib) {
    if (this.keep) this.terms.push({ a: 0, b, ia: -1, ib, product: 0, total: this.total, padding: true });
  }

  /** A step of the calculation that is not a term of the sum. */
  line(text, value) {
    if (this.keep) this.lines.push({ text, value });
  }

  /** The result is the sum, after m roundings. */
  sum(m) {
    this.result(this.total, ofSum(m, this.magnitude, this.dtype));
  }

  result(value, bound) {
    this.value = value;
    this.bound = bound;
  }
}
