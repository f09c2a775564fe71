import { decodeFunctionData, encodeErrorResult, numberToHex } from "viem/utils";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import words from "../../templates/web/partials/wallet_messages.html?raw";
import { announce, BACKER, CAMPAIGN, CHAIN, HASH, rpcError, ScriptedProvider } from "../testing.ts";
import { campaignErrors, campaignFunctions } from "./abi.ts";
import { WalletCall } from "./call.ts";
import type { Call } from "./types.ts";

// jsdom lacks the part of XPath that htmx begins with; what it fetches is a journey of the browser tests.
vi.mock("htmx.org/dist/htmx.esm.js", () => ({ default: {} }));

const stops: (() => void)[] = [];

function page(call: string): void {
  document.body.innerHTML = `
    <script type="application/json" id="chains">${JSON.stringify([CHAIN])}</script>
    <wallet-call data-chain="31337" data-address="${CAMPAIGN}" data-backer="${BACKER}" data-call="${call}"
      data-region="#region" data-until-gone="#gone-already">
      <button data-start disabled></button><span data-network-fee></span>
      <div data-place></div><div data-wallets></div>
    </wallet-call>${words}`;
}

function wallet(more: Record<string, unknown> = {}): { provider: ScriptedProvider; sent: Call[] } {
  const sent: Call[] = [];
  const provider = new ScriptedProvider({
    eth_requestAccounts: [BACKER],
    eth_accounts: [BACKER],
    eth_chainId: numberToHex(CHAIN.id),
    eth_getBalance: numberToHex(10n ** 18n),
    eth_call: "0x",
    eth_estimateGas: numberToHex(60_000),
    eth_gasPrice: numberToHex(10 ** 9),
    eth_sendTransaction: ([call]: readonly Call[]) => {
      if (call) sent.push(call);
      return HASH;
    },
    eth_getTransactionReceipt: { status: "0x1", blockNumber: "0x5" },
    ...more,
  });
  stops.push(announce(provider));
  return { provider, sent };
}

const fee = (): string | null | undefined => document.querySelector("[data-network-fee]")?.textContent;
const place = (): HTMLElement => document.querySelector("[data-place]") as HTMLElement;
const press = (): void => document.querySelector<HTMLButtonElement>("[data-start]")?.click();

describe("<wallet-call>", () => {
  beforeAll(() => customElements.define("wallet-call", WalletCall));
  beforeEach(() => localStorage.clear());
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
    document.body.replaceChildren();
  });

  it.each([
    ["object", undefined],
    ["unobject", undefined],
    ["refund", undefined],
    ["takeBack", [BACKER]],
  ])("asks for %s, naming the fee before the signature", async (functionName, args) => {
    const { sent } = wallet();
    page(functionName);
    press();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    expect(fee()).toBe("≈ 0.00006 ETH");
    const [call] = sent as [Call];
    expect(call).toMatchObject({ from: BACKER, to: CAMPAIGN, value: "0x0" });
    expect(decodeFunctionData({ abi: campaignFunctions, data: call.data })).toEqual({ functionName, args });
    await vi.waitFor(() => expect(place().dataset.state).toMatch(/-sent$/));
  });

  it("names the fee unasked when the wallet used last is ready", async () => {
    wallet();
    localStorage.setItem("chainfund.wallet", "org.example.wallet");
    page("object");
    await vi.waitFor(() => expect(fee()).toBe("≈ 0.00006 ETH"));
  });

  const elsewhere = { eth_chainId: "0x1" };
  const refusedOnChain = { status: "0x0", blockNumber: "0x5" };
  const matrix: [string, Record<string, unknown>, string][] = [
    ["is locked", { eth_requestAccounts: [] }, "locked"],
    ["locks itself", { eth_requestAccounts: rpcError(4100) }, "locked"],
    ["has a request open", { eth_requestAccounts: rpcError(-32002) }, "request-pending"],
    ["is not to be connected", { eth_requestAccounts: rpcError(4001) }, "rejected"],
    ["shows another account", { eth_requestAccounts: [CAMPAIGN] }, "wrong-account"],
    ["does not switch", { ...elsewhere, wallet_switchEthereumChain: rpcError(4001) }, "rejected"],
    [
      "does not add the chain",
      { ...elsewhere, wallet_switchEthereumChain: rpcError(4902), wallet_addEthereumChain: rpcError(4001) },
      "rejected",
    ],
    ["stays on another chain", { ...elsewhere, wallet_switchEthereumChain: null }, "switch-network"],
    ["cannot pay the fee", { eth_getBalance: "0x1" }, "insufficient-funds"],
    ["is refused by the contract", { eth_call: rpcError(3, "execution reverted", "0x12345678") }, "reverted"],
    ["rejects", { eth_sendTransaction: rpcError(4001) }, "rejected"],
    ["loses its node", { eth_sendTransaction: rpcError(-32603, "socket hang up") }, "node-trouble"],
    ["sees it reverted in its block", { eth_getTransactionReceipt: refusedOnChain }, "mined-reverted"],
  ];

  it.each(
    ["refund", "takeBack", "object", "unobject"].flatMap((call) =>
      matrix.map((row) => [call, ...row] as const),
    ),
  )("%s when the wallet %s", async (call, _how, replies, key) => {
    wallet(replies);
    page(call);
    press();
    await vi.waitFor(() => expect(place().dataset.state).toBe(key));
    expect(place().textContent?.trim()).toBeTruthy();
    await vi.waitFor(() =>
      expect(document.querySelector<HTMLButtonElement>("[data-start]")?.disabled).toBe(false),
    );
  });

  it("says what to install when there is no wallet", async () => {
    page("refund");
    press();
    await vi.waitFor(() => expect(place().dataset.state).toBe("no-wallet"), { timeout: 3000 });
  });

  it("says so when the transaction was replaced or dropped", async () => {
    wallet({ eth_getTransactionReceipt: null, eth_getTransactionByHash: null });
    page("refund");
    press();
    await vi.waitFor(() => expect(place().dataset.state).toBe("replaced-or-dropped"), { timeout: 8000 });
  }, 10_000);

  it("opens no wallet for what the contract would refuse", async () => {
    const data = encodeErrorResult({
      abi: campaignErrors,
      errorName: "Campaign_ObjectionWindowOver",
      args: [2n, 1n],
    });
    const { sent } = wallet({ eth_call: rpcError(3, "execution reverted", data) });
    page("object");
    press();
    await vi.waitFor(() => expect(place().textContent).toContain("The time to object is over."));
    expect(sent).toHaveLength(0);
    expect(document.querySelector<HTMLButtonElement>("[data-start]")?.disabled).toBe(false);
  });
});
