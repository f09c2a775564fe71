import { toFunctionSelector } from "viem/utils";
import { describe, expect, it } from "vitest";
import index from "../../../abis/index.json";
import { campaignErrors, campaignFunctions, tokenErrors, tokenFunctions } from "./abi.ts";

interface Item {
  type: string;
  name: string;
  inputs: Input[];
}

interface Input {
  type: string;
  components?: Input[];
}

function typeOf({ type, components }: Input): string {
  return components ? type.replace("tuple", `(${components.map(typeOf).join(",")})`) : type;
}

const files = import.meta.glob<Item[]>("../../../abis/*.json", { eager: true, import: "default" });

function compiled(contract: keyof typeof index): Item[] {
  const abi = files[`../../../abis/${index[contract]}.json`];
  if (!abi) throw new Error(`abis/ lacks the file that its index names for ${contract}`);
  return abi;
}

function selectors(items: readonly Item[], type: string): Map<string, string> {
  const ofType = items.filter((item) => item.type === type);
  return new Map(
    ofType.map((item) => [
      item.name,
      toFunctionSelector(`${item.name}(${item.inputs.map(typeOf).join(",")})`),
    ]),
  );
}

describe.each([
  ["Campaign", "function", campaignFunctions],
  ["Campaign", "error", campaignErrors],
  ["TestToken", "function", tokenFunctions],
  ["TestToken", "error", tokenErrors],
] as const)("the %s's %ss", (contract, type, ours) => {
  const theirs = selectors(compiled(contract), type);
  it.each([...selectors(ours as unknown as Item[], type)])("has %s as compiled", (name, selector) => {
    expect(theirs.get(name)).toBe(selector);
  });
});
