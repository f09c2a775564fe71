import { decodeFunctionData, numberToHex } from "viem/utils";
import { describe, expect, it } from "vitest";
import { announce, HASH, type Reply, rpcError, ScriptedProvider, TOKEN, TokenDouble } from "../testing.ts";
import { campaignFunctions, tokenFunctions } from "./abi.ts";
import {
  isLeft,
  isSaid,
  page,
  place,
  posted,
  press,
  soon,
  state,
  stops,
  TOKEN_AMOUNT,
} from "./pledge-testing.ts";
import type { Call } from "./types.ts";

describe("in a token", () => {
  function tokenWallet(token: TokenDouble, more: Record<string, Reply> = {}): ScriptedProvider {
    const provider = new ScriptedProvider({ ...token.replies, ...more });
    stops.push(announce(provider));
    return provider;
  }
  const calls = (token: TokenDouble): unknown[] =>
    token.sent.map(({ data }) => {
      const { functionName, args } = decodeFunctionData({
        abi: [...campaignFunctions, ...tokenFunctions],
        data,
      });
      return [functionName, args?.[functionName === "approve" ? 1 : 0]];
    });

  it("approves exactly the amount first", async () => {
    const token = new TokenDouble();
    tokenWallet(token);
    page(TOKEN);
    await press();
    await isLeft();
    expect(calls(token)).toEqual([
      ["approve", TOKEN_AMOUNT],
      ["contributeERC20", TOKEN_AMOUNT],
    ]);
    expect(token.sent.every(({ chainId }) => chainId === "0x7a69")).toBe(true);
  });

  it("approves nothing when enough is approved", async () => {
    const token = new TokenDouble();
    token.allowance = TOKEN_AMOUNT;
    tokenWallet(token);
    page(TOKEN);
    await press();
    await isLeft();
    expect(calls(token)).toEqual([["contributeERC20", TOKEN_AMOUNT]]);
  });

  it.each([false, true])(
    "changes an allowance that is left, from zero only where it must: %s",
    async (isStubborn) => {
      const token = new TokenDouble();
      Object.assign(token, { allowance: 7n, isStubborn });
      tokenWallet(token);
      page(TOKEN);
      await press();
      await isLeft();
      expect(calls(token)).toEqual([
        ...(isStubborn ? [["approve", 0n]] : []),
        ["approve", TOKEN_AMOUNT],
        ["contributeERC20", TOKEN_AMOUNT],
      ]);
    },
  );

  it("goes on from where a prompt was dropped", async () => {
    const token = new TokenDouble();
    Object.assign(token, { allowance: 7n, isStubborn: true });
    const provider = tokenWallet(token, {
      eth_sendTransaction: ([call]: readonly unknown[]) =>
        token.sent.length === 1 ? rpcError(4001) : token.send(call as Call),
    });
    page(TOKEN);
    await press();
    await isSaid("rejected-payment");
    expect(calls(token)).toEqual([["approve", 0n]]);
    provider.replies.eth_sendTransaction = ([call]: readonly unknown[]) => token.send(call as Call);
    await press();
    await isLeft();
    expect(calls(token).slice(1)).toEqual([
      ["approve", TOKEN_AMOUNT],
      ["contributeERC20", TOKEN_AMOUNT],
    ]);
  });

  it("asks for the chain again once the approval is there", async () => {
    const token = new TokenDouble();
    const provider = tokenWallet(token, { wallet_switchEthereumChain: rpcError(4200) });
    provider.replies.eth_sendTransaction = ([call]: readonly unknown[]) => {
      provider.replies.eth_chainId = "0x1";
      return token.send(call as Call);
    };
    page(TOKEN);
    await press();
    await isSaid("switch-network");
    expect(calls(token)).toEqual([["approve", TOKEN_AMOUNT]]);
    expect(posted("")).toEqual([]);
  });

  it("counts an approval that was sped up", async () => {
    const token = new TokenDouble();
    tokenWallet(token, { eth_getTransactionReceipt: null, eth_getTransactionByHash: null });
    page(TOKEN);
    await press();
    await isLeft();
  });

  it("says so when the person approved less", async () => {
    const token = new TokenDouble();
    let block = 5;
    tokenWallet(token, {
      eth_blockNumber: () => numberToHex(block++),
      eth_sendTransaction: () => HASH,
    });
    page(TOKEN);
    await press();
    await soon(() => expect(state()).toBe("reverted"), 8000);
    expect(place().querySelector("[data-reason]")?.textContent).toContain("The approval is too small.");
  }, 10_000);

  it.each([
    ["without a word", rpcError(-32000, "execution reverted")],
    ["and burns all gas", rpcError(-32000, "out of gas")],
    ["with words of its own", rpcError(3, "execution reverted: paused", "0x08c379a0")],
  ])("says that the token refuses, after looking at balance and allowance: %s", async (_, reply) => {
    const token = new TokenDouble();
    token.allowance = TOKEN_AMOUNT;
    tokenWallet(token, {
      eth_call: ([call]: readonly unknown[]) =>
        (call as Call).to === TOKEN ? token.call(call as Call) : reply,
    });
    page(TOKEN);
    await press();
    await isSaid("reverted");
    expect(place().querySelector("[data-reason]")?.textContent).toContain("The token refused");
    expect(posted("")).toEqual([]);
  });

  it("says how much of the token is missing", async () => {
    const token = new TokenDouble();
    token.balance = 1_000_000n;
    tokenWallet(token);
    page(TOKEN);
    await press();
    await isSaid("insufficient-token");
    const slots = [...place().querySelectorAll("[data-slot]")].map((slot) => slot.textContent);
    expect(slots).toEqual(["250.5 TUSD", "Local chain", "1 TUSD"]);
  });
});
