import { decodeFunctionData, encodeErrorResult, numberToHex, padHex } from "viem/utils";
import { describe, expect, it } from "vitest";
import { BACKER, CAMPAIGN, CHAIN, HASH, rpcError, ScriptedProvider } from "../testing.ts";
import { campaignErrors, campaignFunctions } from "./abi.ts";
import { contributeCall, fateOf, mined, NATIVE, needsApproval, simulate } from "./transactions.ts";
import type { Hex } from "./types.ts";

const ETHER = 10n ** 18n;
const TOKEN: Hex = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512";
const pledge = { backer: BACKER, campaign: CAMPAIGN, token: NATIVE, amount: ETHER / 4n, tierId: 2 };

function node(balance: bigint, more: Record<string, unknown> = {}): ScriptedProvider {
  return new ScriptedProvider({
    eth_getBalance: numberToHex(balance),
    eth_call: "0x",
    eth_estimateGas: numberToHex(100_000),
    eth_gasPrice: numberToHex(2_000_000_000),
    ...more,
  });
}

describe("contributeCall", () => {
  it("sends the amount along in the chain's currency", () => {
    const call = contributeCall(pledge, HASH);
    expect(BigInt(call.value)).toBe(ETHER / 4n);
    expect(decodeFunctionData({ abi: campaignFunctions, data: call.data })).toEqual({
      functionName: "contribute",
      args: [2, HASH],
    });
  });

  it("names the amount for a token and sends nothing along", () => {
    const call = contributeCall({ ...pledge, token: TOKEN, amount: 250_500_000n }, HASH);
    expect(call.value).toBe("0x0");
    expect(decodeFunctionData({ abi: campaignFunctions, data: call.data })).toEqual({
      functionName: "contributeERC20",
      args: [250_500_000n, 2, HASH],
    });
  });
});

describe("simulate", () => {
  const call = contributeCall(pledge, HASH);

  it("reckons the network fee", async () => {
    expect(await simulate(node(ETHER), call, CHAIN)).toEqual({ gas: 100_000n, fee: 200_000_000_000_000n });
  });

  it("stops before the wallet opens when the amount is not there", async () => {
    const provider = node(ETHER / 8n);
    await expect(simulate(provider, call, CHAIN)).rejects.toMatchObject({
      key: "insufficient-funds",
      values: { needed: "0.25 ETH", balance: "0.125 ETH" },
    });
    expect(provider.asked).not.toContain("eth_call");
  });

  it("counts the fee in", async () => {
    await expect(simulate(node(ETHER / 4n), call, CHAIN)).rejects.toMatchObject({
      key: "insufficient-funds",
      values: { needed: "0.2502 ETH" },
    });
  });

  it("tells why the contract would refuse", async () => {
    const data = encodeErrorResult({
      abi: campaignErrors,
      errorName: "Campaign_DeadlinePassed",
      args: [1n, 2n],
    });
    const provider = node(ETHER, { eth_call: rpcError(3, "execution reverted", data) });
    await expect(simulate(provider, call, CHAIN)).rejects.toMatchObject({
      key: "reverted",
      revert: "Campaign_DeadlinePassed",
    });
  });
});

describe("needsApproval", () => {
  const unit = { symbol: "tUSD", decimals: 6 };
  const inTokens = { ...pledge, token: TOKEN, amount: 250_500_000n };
  /** balanceOf's selector is 70a08231, allowance's dd62ed3e. */
  const holding = (balance: bigint, allowance: bigint): ScriptedProvider =>
    new ScriptedProvider({
      eth_call: ([call]: readonly unknown[]) => {
        const isBalance = (call as { data: string }).data.startsWith("0x70a08231");
        return padHex(numberToHex(isBalance ? balance : allowance));
      },
    });

  it("never does in the chain's currency", async () => {
    expect(await needsApproval(node(0n), pledge, unit)).toBe(false);
  });

  it("does while the allowance is below the amount", async () => {
    expect(await needsApproval(holding(300_000_000n, 250_499_999n), inTokens, unit)).toBe(true);
    expect(await needsApproval(holding(300_000_000n, 250_500_000n), inTokens, unit)).toBe(false);
  });

  it("refuses when the account does not hold enough", async () => {
    await expect(needsApproval(holding(1_000_000n, 0n), inTokens, unit)).rejects.toMatchObject({
      key: "insufficient-token",
      values: { needed: "250.5 tUSD", balance: "1 tUSD" },
    });
  });
});

describe("what becomes of a transaction", () => {
  it.each([
    ["mined", { eth_getTransactionReceipt: { status: "0x1" } }],
    ["reverted", { eth_getTransactionReceipt: { status: "0x0" } }],
    ["waiting", { eth_getTransactionByHash: { hash: HASH } }],
    ["missing", {}],
    ["waiting", { eth_getTransactionReceipt: rpcError(-32603) }],
  ])("is %s", async (fate, replies) => {
    expect(await fateOf(new ScriptedProvider(replies), HASH)).toBe(fate);
  });

  it("ends in a problem when it reverted in its block", async () => {
    const provider = new ScriptedProvider({ eth_getTransactionReceipt: { status: "0x0" } });
    await expect(mined(provider, HASH)).rejects.toMatchObject({ key: "mined-reverted" });
  });
});
