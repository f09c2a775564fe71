// Amounts as people type them, read as the server reads them. tests/amounts.json has the rules and their examples.

const MAX_LENGTH = 100;
const UINT256_MAX = 2n ** 256n - 1n;

export type AmountError =
  | "empty"
  | "not-a-number"
  | "unclear"
  | "too-many-decimals"
  | "too-large"
  | "too-long";

/** `units` are base units of the token; `readings`, in plain decimals, are what an unclear text could mean. */
export type Amount = { units: bigint } | { error: AmountError; readings: readonly string[] };

const PLAIN = /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/;
const GROUPED = /^[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?: [0-9]{3})+)(?:\.[0-9]*)?$/;
const WITH_A_DECIMAL_COMMA = /^(?:[0-9]*|[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+|(?: [0-9]{3})+))(?:,[0-9]*)?$/;

/** Read an amount of a token with so many decimals; its symbol may stand behind the number. */
export function readAmount(text: string, decimals: number, symbol = ""): Amount {
  const typed = without(symbol, normalised(text));
  if (typed === "") return refused("empty");
  if ([...typed].length > MAX_LENGTH) return refused("too-long");
  if (GROUPED.test(typed)) return inUnits(typed.replace(/[, ]/g, ""), decimals);
  if (PLAIN.test(typed)) return inUnits(typed, decimals);
  const readings = readingsOf(typed);
  return readings.length > 0 ? refused("unclear", readings) : refused("not-a-number");
}

function refused(error: AmountError, readings: readonly string[] = []): Amount {
  return { error, readings };
}

/** The text without the symbol behind it. What could be a part of the number is none. */
function without(symbol: string, typed: string): string {
  const [number, end] = [typed.slice(0, -symbol.length), typed.slice(-symbol.length)];
  if (!/[^0-9., ]/.test(symbol) || end.toLowerCase() !== symbol.toLowerCase()) return typed;
  return /^[0-9., ]/.test(symbol) && !number.endsWith(" ") ? typed : number.replace(/ +$/, "");
}

function normalised(text: string): string {
  return text
    .replace(/[０-９，．]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replace(/[。｡]/g, ".")
    .replace(/[\u00a0\u2000-\u200a\u202f\u205f\u3000\t\r\n]/g, " ")
    .replace(/^ +| +$/g, "");
}

/** With the comma as the decimal mark, then with commas left out. */
function readingsOf(typed: string): string[] {
  const candidates: string[] = [];
  if (WITH_A_DECIMAL_COMMA.test(typed)) candidates.push(typed.replace(/[. ]/g, "").replace(",", "."));
  if (typed.includes(",")) candidates.push(typed.replace(/[, ]/g, ""));
  return [...new Set(candidates.filter((candidate) => PLAIN.test(candidate)).map(shortest))];
}

function shortest(plain: string): string {
  const [whole = "", fraction = ""] = plain.split(".");
  const places = fraction.replace(/0+$/, "");
  return `${whole.replace(/^0+(?=.)/, "") || "0"}${places && `.${places}`}`;
}

function inUnits(plain: string, decimals: number): Amount {
  const [whole = "", fraction = ""] = plain.split(".");
  if (fraction.replace(/0+$/, "").length > decimals) return refused("too-many-decimals");
  const units = BigInt(whole + fraction.slice(0, decimals).padEnd(decimals, "0"));
  return units > UINT256_MAX ? refused("too-large") : { units };
}
