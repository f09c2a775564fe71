import { hashStruct, padHex, size, slice, toHex } from "viem/utils";
import { describe, expect, it } from "vitest";
import {
  BACKER,
  CAMPAIGN,
  CHAIN,
  type Reply,
  rpcError,
  ScriptedProvider,
  TOKEN,
  TokenDouble,
} from "../testing.ts";
import { type PermitTerms, permitTerms, signPermit } from "./permit.ts";
import type { Pledge } from "./transactions.ts";

const pledge: Pledge = {
  chain: CHAIN,
  backer: BACKER,
  campaign: CAMPAIGN,
  token: TOKEN,
  amount: 250_500_000n,
  tierId: 0,
  unit: { symbol: "TUSD", decimals: 6 },
};
const NO_SALT = `0x${"0".repeat(64)}`;
const ours = { chainId: 31337n, verifyingContract: TOKEN };
const TYPES = {
  name: "string",
  version: "string",
  chainId: "uint256",
  verifyingContract: "address",
} as const;

function separator(domain: Record<string, unknown>): string {
  const types = Object.keys(domain).map((name) => ({ name, type: TYPES[name as keyof typeof TYPES] }));
  return hashStruct({ data: domain, primaryType: "EIP712Domain", types: { EIP712Domain: types } });
}

const full = { name: "Test Dollar", version: "2", ...ours };

const told = (fields: string, domain: Partial<typeof full> = {}): unknown[] => {
  const { name, version, chainId, verifyingContract } = { ...full, ...domain };
  return [fields, name, version, chainId, verifyingContract, NO_SALT, []];
};

function token(answers: Record<string, unknown>, more: Record<string, Reply> = {}): ScriptedProvider {
  return new ScriptedProvider({ ...new TokenDouble(answers).replies, ...more });
}

describe("permitTerms", () => {
  const base = { nonces: 3n, DOMAIN_SEPARATOR: separator(full) };

  it.each([
    ["tells it by EIP-5267", { ...base, eip712Domain: told("0x0f") }, full],
    ["has a version", { ...base, name: "Test Dollar", version: "2" }, full],
    [
      "has version 1 without saying so",
      { nonces: 3n, name: "Test Dollar", DOMAIN_SEPARATOR: separator({ ...full, version: "1" }) },
      { ...full, version: "1" },
    ],
    [
      "says another version than it uses",
      {
        nonces: 3n,
        name: "Test Dollar",
        version: "9",
        DOMAIN_SEPARATOR: separator({ ...full, version: "1" }),
      },
      { ...full, version: "1" },
    ],
    [
      "has no version in its domain",
      { nonces: 3n, name: "Uniswap", DOMAIN_SEPARATOR: separator({ name: "Uniswap", ...ours }) },
      { name: "Uniswap", ...ours },
    ],
    [
      "uses only some fields",
      { nonces: 3n, DOMAIN_SEPARATOR: separator(ours), eip712Domain: told("0x0c") },
      ours,
    ],
  ])("finds the domain of a token that %s", async (_, answers, domain) => {
    expect(await permitTerms(token(answers), pledge)).toEqual({ domain, nonce: 3n, deadline: 100n + 3600n });
  });

  it.each([
    ["has no permit", {}],
    ["has no nonces", { DOMAIN_SEPARATOR: separator(full), name: "Test Dollar", version: "2" }],
    ["hashes another domain than it tells", { ...base, eip712Domain: told("0x0f", { version: "1" }) }],
    ["is on another chain by its own account", { ...base, eip712Domain: told("0x0f", { chainId: 1n }) }],
    ["tells another contract", { ...base, eip712Domain: told("0x0f", { verifyingContract: CAMPAIGN }) }],
    [
      "has DAI's form",
      {
        ...base,
        name: "Test Dollar",
        version: "2",
        PERMIT_TYPEHASH: padHex("0xea2aa0a1", { dir: "right", size: 32 }),
      },
    ],
  ])("finds none where a token %s", async (_, answers) => {
    expect(await permitTerms(token(answers), pledge)).toBeUndefined();
  });

  it("finds none when the chain's time is not told", async () => {
    const answers = { ...base, eip712Domain: told("0x0f") };
    const silent = token(answers, { eth_getBlockByNumber: rpcError(-32601) });
    expect(await permitTerms(silent, pledge)).toBeUndefined();
  });
});

describe("signPermit", () => {
  const terms: PermitTerms = { domain: full, nonce: 3n, deadline: 3700n };
  const r = `0x${"11".repeat(32)}` as const;
  const s = `0x${"22".repeat(32)}` as const;
  const signing = (signature: unknown, texts: unknown[] = []): ScriptedProvider =>
    new ScriptedProvider({
      eth_signTypedData_v4: (params: readonly unknown[]) => {
        texts.push(...params);
        return signature;
      },
    });

  it("shows exactly the pledge's amount, for its campaign alone", async () => {
    const shown: unknown[] = [];
    await signPermit(signing(`${r}${s.slice(2)}1b`, shown), pledge, terms);
    expect(shown[0]).toBe(BACKER);
    expect(JSON.parse(String(shown[1]))).toMatchObject({
      primaryType: "Permit",
      domain: { name: "Test Dollar", version: "2", chainId: 31337, verifyingContract: TOKEN },
      message: { owner: BACKER, spender: CAMPAIGN, value: "250500000", nonce: "3", deadline: "3700" },
    });
  });

  it.each([
    ["1b", 27],
    ["1c", 28],
    ["00", 27],
    ["01", 28],
  ])("reads the parity %s", async (last, v) => {
    const signature = `${r}${s.slice(2)}${last}`;
    expect(await signPermit(signing(signature), pledge, terms)).toEqual({ deadline: 3700n, v, r, s });
  });

  it("reads the short form of EIP-2098", async () => {
    const packed = toHex(BigInt(s) | (1n << 255n));
    expect(await signPermit(signing(`${r}${packed.slice(2)}`), pledge, terms)).toEqual({
      deadline: 3700n,
      v: 28,
      r,
      s,
    });
  });

  it.each(["0x", `0x${"11".repeat(66)}`, null, "signed", 5])("makes nothing of %o", async (signature) => {
    expect(await signPermit(signing(signature), pledge, terms)).toBeUndefined();
  });

  it("passes on what the wallet throws", async () => {
    await expect(signPermit(signing(rpcError(4001)), pledge, terms)).rejects.toMatchObject({ code: 4001 });
  });

  it("takes r and s as they stand", async () => {
    const permit = await signPermit(signing(`${r}${s.slice(2)}1b`), pledge, terms);
    expect(permit && size(permit.r)).toBe(32);
    expect(permit && slice(permit.s, 0, 1)).toBe("0x22");
  });
});
