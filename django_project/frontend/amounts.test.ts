import { describe, expect, it } from "vitest";
import table from "../../tests/amounts.json";
import { readAmount } from "./amounts.ts";

interface Example {
  typed: string;
  decimals: number;
  symbol?: string;
  units?: string;
  error?: string;
  readings?: string[];
}

describe("an amount that somebody types", () => {
  it.each(table.amounts as Example[])("is read as the server reads it: $typed", (example) => {
    const { typed, decimals, symbol, units, error, readings = [] } = example;
    expect(readAmount(typed, decimals, symbol)).toEqual(
      units === undefined ? { error, readings } : { units: BigInt(units) },
    );
  });

  it("is measured in characters, not in halves of them", () => {
    expect(readAmount("😀".repeat(100), 18)).toMatchObject({ error: "not-a-number" });
    expect(readAmount("😀".repeat(101), 18)).toMatchObject({ error: "too-long" });
  });
});
