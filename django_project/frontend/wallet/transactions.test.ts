import { decodeFunctionData, encodeErrorResult, numberToHex } from "viem/utils";
import { describe, expect, it } from "vitest";
import {
  BACKER,
  CAMPAIGN,
  CHAIN,
  HASH,
  NEVER,
  rpcError,
  ScriptedProvider,
  TOKEN,
  TokenDouble,
} from "../testing.ts";
import { campaignErrors, campaignFunctions } from "./abi.ts";
import {
  backerCall,
  checkToken,
  contributeCall,
  isContract,
  isDone,
  NATIVE,
  requireCode,
  send,
  simulate,
} from "./transactions.ts";

const ETHER = 10n ** 18n;
const pledge = {
  chain: CHAIN,
  backer: BACKER,
  campaign: CAMPAIGN,
  token: NATIVE,
  amount: ETHER / 4n,
  tierId: 2,
  unit: { symbol: "TUSD", decimals: 6 },
};

function node(balance: bigint, more: Record<string, unknown> = {}): ScriptedProvider {
  return new ScriptedProvider({
    eth_getBalance: numberToHex(balance),
    eth_call: "0x",
    eth_getCode: "0x",
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
      values: { needed: "0.25 ETH", balance: "0.125 ETH", network: "Local chain" },
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

describe("whose fee it is", () => {
  const call = contributeCall(pledge, HASH);
  const delegation = `0xef0100${"11".repeat(20)}`;

  it("is somebody else's for a contract wallet, which is held to the value alone", async () => {
    const code = { eth_getCode: "0x6080", eth_estimateGas: rpcError(-32000, "sender not an eoa") };
    expect(await simulate(node(ETHER / 4n, code), call, CHAIN)).toBeUndefined();
    await expect(simulate(node(ETHER / 4n - 1n, code), call, CHAIN)).rejects.toMatchObject({
      key: "insufficient-funds",
      values: { needed: "0.25 ETH" },
    });
  });

  it("is a delegating key's own", async () => {
    const replies = { eth_getCode: delegation.toUpperCase().replace("0X", "0x") };
    await expect(simulate(node(ETHER / 4n, replies), call, CHAIN)).rejects.toMatchObject({
      values: { needed: "0.2502 ETH" },
    });
  });

  it.each([
    ["0x", false],
    ["", false],
    [null, false],
    [delegation, false],
    ["0x60806040", true],
    ["0xef", true],
  ])("is told by its code: %s", async (code, is) => {
    expect(await isContract(new ScriptedProvider({ eth_getCode: code }), BACKER)).toBe(is);
  });

  it("is told by the page where its first transaction will deploy it", async () => {
    document.body.innerHTML = `<wallet-pledge data-by-contract="${BACKER}"></wallet-pledge>`;
    const undeployed = new ScriptedProvider({ eth_getCode: "0x" });
    expect(await isContract(undeployed, BACKER)).toBe(true);
    expect(await isContract(undeployed, CAMPAIGN)).toBe(false);
    document.body.replaceChildren();
  });
});

describe("requireCode", () => {
  it("wants a contract at every address", async () => {
    const has = (...addresses: string[]) =>
      new ScriptedProvider({
        eth_getCode: ([address]: readonly unknown[]) => (addresses.includes(String(address)) ? "0x60" : "0x"),
      });
    await requireCode(has(CAMPAIGN, TOKEN), CHAIN, [CAMPAIGN, TOKEN]);
    await expect(requireCode(has(CAMPAIGN), CHAIN, [CAMPAIGN, TOKEN])).rejects.toMatchObject({
      key: "no-contract",
      values: { address: TOKEN, network: "Local chain" },
    });
  });
});

describe("checkToken", () => {
  const inTokens = { ...pledge, token: TOKEN, amount: 250_500_000n };
  const holding = (balance: bigint): ScriptedProvider => {
    const token = new TokenDouble();
    Object.assign(token, { balance, allowance: 7n });
    return new ScriptedProvider(token.replies);
  };

  it("tells what is approved already", async () => {
    expect(await checkToken(holding(250_500_000n), inTokens)).toBe(7n);
  });

  it("refuses when the account does not hold enough", async () => {
    await expect(checkToken(holding(250_499_999n), inTokens)).rejects.toMatchObject({
      key: "insufficient-token",
      values: { needed: "250.5 TUSD", balance: "250.499999 TUSD", network: "Local chain" },
    });
  });
});

describe("send", () => {
  const call = contributeCall(pledge, HASH);

  it.each([
    ["on another chain", { eth_chainId: "0x1", eth_accounts: [BACKER] }, "switch-network"],
    ["without the account", { eth_chainId: "0x7a69", eth_accounts: [CAMPAIGN] }, "locked"],
    ["locked", { eth_chainId: "0x7a69", eth_accounts: [] }, "locked"],
  ])("asks no wallet that is %s", async (_, replies, key) => {
    const provider = new ScriptedProvider({ ...replies, eth_sendTransaction: NEVER });
    await expect(send(provider, call, CHAIN)).rejects.toMatchObject({ key });
    expect(provider.asked).not.toContain("eth_sendTransaction");
  });

  it("names the chain in the transaction", async () => {
    const sent: unknown[] = [];
    const provider = new ScriptedProvider({
      eth_chainId: 31337,
      eth_accounts: rpcError(4200, "a wallet that can't say"),
      eth_sendTransaction: (params: readonly unknown[]) => {
        sent.push(...params);
        return HASH;
      },
    });
    expect(await send(provider, call, CHAIN)).toBe(HASH);
    expect(sent).toEqual([call]);
    expect(call.chainId).toBe("0x7a69");
  });
});

describe("isDone", () => {
  const reverting = (errorName: (typeof campaignErrors)[number]["name"], args: unknown[]): ScriptedProvider =>
    new ScriptedProvider({
      eth_call: rpcError(3, "", encodeErrorResult({ abi: campaignErrors, errorName, args } as never)),
    });

  it.each([
    ["refund", "Campaign_NothingToRefund", [BACKER]],
    ["takeBack", "Campaign_NothingToRefund", [BACKER]],
    ["object", "Campaign_AlreadyObjected", [BACKER, 1]],
    ["unobject", "Campaign_NotObjected", [BACKER, 1]],
  ] as const)("knows a %s by the refusal to do it twice", async (name, error, args) => {
    const call = backerCall(name, CHAIN, BACKER, CAMPAIGN);
    expect(await isDone(reverting(error, [...args]), name, call)).toBe(true);
    expect(await isDone(reverting("Campaign_WrongState", [3]), name, call)).toBe(false);
    expect(await isDone(new ScriptedProvider({ eth_call: "0x" }), name, call)).toBe(false);
    await expect(isDone(new ScriptedProvider({ eth_call: rpcError(4900) }), name, call)).rejects.toThrow();
  });
});
