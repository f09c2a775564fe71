import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BACKER, CAMPAIGN, CHAIN, HASH } from "../testing.ts";
import type { Answer, Asked } from "./dialog.ts";
import { DemoProvider } from "./provider.ts";

const forwarded = vi.fn();
beforeEach(() => {
  localStorage.clear();
  forwarded.mockReset();
  vi.stubGlobal("fetch", async (url: string, { body }: { body: string }) => {
    const { method, params } = JSON.parse(body);
    forwarded(method, params, url);
    return new Response(JSON.stringify({ result: HASH }));
  });
});
afterEach(() => void vi.unstubAllGlobals());

function provider(answer: Answer | undefined): [DemoProvider, Asked[]] {
  const asked: Asked[] = [];
  const ask = async (question: Asked): Promise<Answer | undefined> => {
    asked.push(question);
    return answer;
  };
  const chains = [
    { chain: CHAIN, url: "http://127.0.0.1:1" },
    {
      chain: { ...CHAIN, id: 31338, name: "Second local chain", currency: { symbol: "TST", decimals: 2 } },
      url: "http://127.0.0.1:2",
    },
  ] as const;
  return [new DemoProvider([...chains], { ask }), asked];
}

const call = { from: BACKER, to: CAMPAIGN, data: "0x", value: "0x3782dace9d900000" };

describe("the demo wallet", () => {
  it("names no account before somebody agreed", async () => {
    const [wallet] = provider({ account: BACKER });
    expect(await wallet.request({ method: "eth_accounts" })).toEqual([]);
    expect(await wallet.request({ method: "eth_requestAccounts" })).toEqual([BACKER]);
    expect(await wallet.request({ method: "eth_accounts" })).toEqual([BACKER]);
  });

  it("shows what is sent before the node is asked", async () => {
    const [wallet, asked] = provider({ account: BACKER });
    expect(await wallet.request({ method: "eth_sendTransaction", params: [call] })).toBe(HASH);
    expect(asked).toMatchObject([{ kind: "send", text: CAMPAIGN, value: "4 ETH" }]);
  });

  it("shows the text to sign as text", async () => {
    const [wallet, asked] = provider({ account: BACKER });
    await wallet.request({ method: "personal_sign", params: ["0x68656c6c6f", BACKER] });
    expect(asked).toMatchObject([{ kind: "sign", text: "hello" }]);
  });

  it("sends nothing that was rejected", async () => {
    const [wallet] = provider(undefined);
    for (const method of ["eth_requestAccounts", "eth_sendTransaction", "personal_sign"]) {
      const params = method === "personal_sign" ? ["0x00", BACKER] : [call];
      await expect(wallet.request({ method, params })).rejects.toMatchObject({ code: 4001 });
    }
    expect(forwarded).not.toHaveBeenCalled();
  });

  it("asks one thing at a time", async () => {
    const wallet = new DemoProvider([{ chain: CHAIN, url: "" }], { ask: () => new Promise(() => {}) });
    void wallet.request({ method: "eth_requestAccounts" });
    await expect(wallet.request({ method: "eth_requestAccounts" })).rejects.toMatchObject({ code: -32002 });
  });

  it("moves between the demo's chains, and knows no other", async () => {
    const [wallet, asked] = provider({ account: BACKER });
    const move = (chainId: string) =>
      wallet.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
    await expect(move("0x1")).rejects.toMatchObject({ code: 4902 });
    expect(await wallet.request({ method: "eth_chainId" })).toBe("0x7a69");
    expect(await move("0x7a6a")).toBeNull();
    expect(await wallet.request({ method: "eth_chainId" })).toBe("0x7a6a");
    await wallet.request({ method: "eth_sendTransaction", params: [{ ...call, value: "0x7d" }] });
    expect(asked).toMatchObject([{ kind: "send", value: "1.25 TST", network: "Second local chain" }]);
    expect(forwarded).toHaveBeenLastCalledWith(
      "eth_sendTransaction",
      expect.anything(),
      "http://127.0.0.1:2",
    );
  });

  it("sends nothing that is meant for another chain", async () => {
    const [wallet] = provider({ account: BACKER });
    const sending = wallet.request({ method: "eth_sendTransaction", params: [{ ...call, chainId: "0x1" }] });
    await expect(sending).rejects.toMatchObject({ code: 4901 });
    expect(forwarded).not.toHaveBeenCalled();
  });

  it("shows what a signed approval says", async () => {
    const [wallet, asked] = provider({ account: BACKER });
    const text = JSON.stringify({ types: {}, domain: { name: "Token" }, message: { value: "5" } });
    await wallet.request({ method: "eth_signTypedData_v4", params: [BACKER, text] });
    expect(asked).toMatchObject([{ kind: "sign", text: expect.stringContaining('"value": "5"') }]);
  });

  it("lets another account be chosen", async () => {
    const [wallet] = provider({ account: CAMPAIGN });
    await wallet.request({ method: "wallet_requestPermissions", params: [{ eth_accounts: {} }] });
    expect(await wallet.request({ method: "eth_accounts" })).toEqual([CAMPAIGN]);
  });

  it("passes the node's refusal on as it is", async () => {
    vi.stubGlobal(
      "fetch",
      async () =>
        new Response(JSON.stringify({ error: { code: 3, message: "execution reverted", data: "0xab" } })),
    );
    const [wallet] = provider({ account: BACKER });
    await expect(wallet.request({ method: "eth_call", params: [] })).rejects.toMatchObject({
      code: 3,
      data: "0xab",
    });
  });

  it("refuses what is not for pages", async () => {
    const [wallet] = provider({ account: BACKER });
    for (const method of ["anvil_setBalance", "evm_revert", "eth_sign"]) {
      await expect(wallet.request({ method })).rejects.toMatchObject({ code: 4200 });
    }
    expect(forwarded).not.toHaveBeenCalled();
  });
});
