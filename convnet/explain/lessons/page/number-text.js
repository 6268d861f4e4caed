// Numbers as they stand on the page and as readers type them.

const FORM = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/;

const plain = (text) => text.trim().replaceAll("−", "-").replaceAll(",", "").replace(/\s*%$/, "");

/** The number that a text is, alone, or null: "−.07", "3e−5", "97.6 %" (97.6). */
export function numberOf(text) {
  const found = plain(text);
  return FORM.test(found) ? Number(found) : null;
}

/** Half a unit of the last digit: how far a number may be from one that was rounded to this text. */
export function halfUnit(text) {
  const [digits, power = "0"] = plain(text).toLowerCase().split("e");
  const decimals = (digits.split(".")[1] ?? "").length;
  return 0.5 * 10 ** (Number(power) - decimals);
}
