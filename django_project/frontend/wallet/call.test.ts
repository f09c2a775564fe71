import { decodeFunctionData, encodeErrorResult, numberToHex } from "viem/utils";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import words from "../../templates/web/partials/wallet_messages.html?raw";
import {
  announce,
  BACKER,
  CAMPAIGN,
  CHAIN,
  HASH,
  NEVER,
  nodeReplies,
  type Reply,
  rpcError,
  ScriptedProvider,
} from "../testing.ts";
import { campaignErrors, campaignFunctions } from "./abi.ts";
import { WalletCall } from "./call.ts";
import { PATIENCE_MILLISECONDS } from "./element.ts";
import { BLOCKS_UNTIL_DROPPED, POLL_MILLISECONDS } from "./following.ts";
import { type BackerCall, DONE_ALREADY } from "./transactions.ts";
import type { Call } from "./types.ts";

// jsdom lacks the part of XPath that htmx begins with; what it fetches is a journey of the browser tests.
const ajax = vi.hoisted(() => vi.fn());
vi.mock("htmx.org/dist/htmx.esm.js", () => ({ default: { ajax } }));

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

/** A wallet whose campaign does what is asked of it once, and refuses to do it again. */
function wallet(more: Record<string, Reply> = {}): { provider: ScriptedProvider; sent: Call[] } {
  const sent: Call[] = [];
  const provider = new ScriptedProvider(
    nodeReplies({
      eth_call: ([call]: readonly unknown[]) => (sent.length > 0 ? twice(call as Call) : "0x"),
      eth_estimateGas: numberToHex(60_000),
      eth_sendTransaction: ([call]: readonly unknown[]) => {
        sent.push(call as Call);
        return HASH;
      },
      ...more,
    }),
  );
  stops.push(announce(provider));
  return { provider, sent };
}

function twice({ data }: Call): Error {
  const { functionName } = decodeFunctionData({ abi: campaignFunctions, data });
  const errorName = DONE_ALREADY[functionName as BackerCall];
  const args = errorName === "Campaign_NothingToRefund" ? [BACKER] : [BACKER, 1];
  return rpcError(3, "", encodeErrorResult({ abi: campaignErrors, errorName, args } as never));
}

const fee = (): string | null | undefined => document.querySelector("[data-network-fee]")?.textContent;
const place = (): HTMLElement => document.querySelector("[data-place]") as HTMLElement;
const press = (): void => document.querySelector<HTMLButtonElement>("[data-start]")?.click();
/** Wallets, blocks and the index take seconds. */
const pass = (): Promise<unknown> => vi.advanceTimersByTimeAsync(2000);

describe("<wallet-call>", () => {
  beforeAll(() => customElements.define("wallet-call", WalletCall));
  beforeEach(() => {
    localStorage.clear();
    localStorage.setItem("chainfund.wallet", "org.example.wallet");
    vi.useFakeTimers({ shouldAdvanceTime: true });
  });
  afterEach(() => {
    vi.useRealTimers();
    ajax.mockReset();
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
    expect(call).toMatchObject({ chainId: "0x7a69", from: BACKER, to: CAMPAIGN, value: "0x0" });
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
    ["is locked", { eth_accounts: [], eth_requestAccounts: [] }, "locked"],
    ["locks itself", { eth_accounts: [], eth_requestAccounts: rpcError(4100) }, "locked"],
    ["has a request open", { eth_accounts: [], eth_requestAccounts: rpcError(-32002) }, "request-pending"],
    ["is not to be connected", { eth_accounts: [], eth_requestAccounts: rpcError(4001) }, "rejected"],
    ["shows another account", { eth_accounts: [], eth_requestAccounts: [CAMPAIGN] }, "wrong-account"],
    ["has no way to switch", { ...elsewhere, wallet_switchEthereumChain: rpcError(4200) }, "switch-network"],
    ["looks where there is no contract", { eth_getCode: "0x" }, "no-contract"],
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
    [
      "says that it can't pay",
      { eth_sendTransaction: rpcError(-32000, "insufficient funds") },
      "insufficient-funds-by-wallet",
    ],
    ["loses its node", { eth_sendTransaction: rpcError(-32603, "socket hang up") }, "maybe-sent"],
    ["is disconnected", { eth_sendTransaction: rpcError(4900) }, "maybe-sent"],
    [
      "sees it reverted in its block",
      { eth_call: "0x", eth_getTransactionReceipt: refusedOnChain },
      "mined-reverted",
    ],
  ];

  it.each(
    ["refund", "takeBack", "object", "unobject"].flatMap((call) =>
      matrix.map((row) => [call, ...row] as const),
    ),
  )("%s when the wallet %s", async (call, _how, replies, key) => {
    wallet(replies);
    page(call);
    press();
    await pass();
    await vi.waitFor(() => expect(place().dataset.state).toBe(key), { interval: 5 });
    expect(place().textContent?.trim()).toBeTruthy();
    await vi.waitFor(() =>
      expect(document.querySelector<HTMLButtonElement>("[data-start]")?.disabled).toBe(false),
    );
  });

  it("says what to install when there is no wallet", async () => {
    page("refund");
    press();
    await pass();
    await vi.waitFor(() => expect(place().dataset.state).toBe("no-wallet"));
  });

  it("says so when the transaction is gone: after blocks, not after seconds", async () => {
    let block = 5;
    wallet({
      eth_call: "0x",
      eth_getTransactionReceipt: null,
      eth_getTransactionByHash: null,
      eth_blockNumber: () => numberToHex(block),
    });
    page("refund");
    press();
    await vi.waitFor(() => expect(place().dataset.state).toBe("refund-sent"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(place().dataset.state).toBe("refund-sent");
    block += BLOCKS_UNTIL_DROPPED;
    await vi.advanceTimersByTimeAsync(POLL_MILLISECONDS);
    await vi.waitFor(() => expect(place().dataset.state).toBe("replaced-or-dropped"));
  });

  it.each(["refund", "object"])(
    "counts a %s that was sped up: the contract says that it is done",
    async (call) => {
      const { sent } = wallet({ eth_getTransactionReceipt: null, eth_getTransactionByHash: null });
      page(call);
      document.body.insertAdjacentHTML("beforeend", '<i id="gone-already"></i>');
      press();
      await vi.waitFor(() => expect(sent).toHaveLength(1));
      await pass();
      await pass();
      await vi.waitFor(() => expect(ajax).toHaveBeenCalled());
    },
  );

  it("finds what was sent although the wallet did not say so", async () => {
    let isSent = false;
    wallet({
      eth_call: ([call]: readonly unknown[]) => (isSent ? twice(call as Call) : "0x"),
      eth_sendTransaction: () => {
        isSent = true;
        return rpcError(-32603, "socket hang up");
      },
    });
    page("refund");
    document.body.insertAdjacentHTML("beforeend", '<i id="gone-already"></i>');
    press();
    await vi.waitFor(() => expect(place().dataset.state).toBe("maybe-sent"));
    await pass();
    await pass();
    await vi.waitFor(() => expect(ajax).toHaveBeenCalled());
  });

  it("asks no wallet for what is done", async () => {
    const { sent } = wallet({ eth_call: ([call]: readonly unknown[]) => twice(call as Call) });
    page("refund");
    document.body.insertAdjacentHTML("beforeend", '<i id="gone-already"></i>');
    press();
    await pass();
    await pass();
    await vi.waitFor(() => expect(ajax).toHaveBeenCalled());
    expect(sent).toEqual([]);
  });

  it("waits for the other signers of a contract wallet, by the contract alone", async () => {
    const { provider } = wallet({ eth_getCode: "0x6080", eth_call: "0x" });
    page("refund");
    press();
    await vi.waitFor(() => expect(place().dataset.state).toBe("waiting-for-signers"));
    expect(provider.asked).not.toContain("eth_getTransactionReceipt");
    expect(fee()).toBe("");
  });

  it("gives the button back when the wallet is silent", async () => {
    const { provider, sent } = wallet({ eth_accounts: [], eth_requestAccounts: NEVER });
    page("refund");
    press();
    await vi.waitFor(() => expect(provider.asked).toContain("eth_requestAccounts"));
    await vi.advanceTimersByTimeAsync(PATIENCE_MILLISECONDS);
    await vi.waitFor(() => expect(place().dataset.state).toBe("no-answer"));
    Object.assign(provider.replies, { eth_accounts: [BACKER] });
    press();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
  });

  it("offers a wallet that comes after it said that there is none", async () => {
    page("refund");
    press();
    await pass();
    await vi.waitFor(() => expect(place().dataset.state).toBe("no-wallet"));
    const { sent } = wallet();
    window.dispatchEvent(new Event("eip6963:requestProvider"));
    await vi.waitFor(() => expect(document.querySelector("[data-wallets] button")).not.toBeNull());
    document.querySelector<HTMLButtonElement>("[data-wallets] button")?.click();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
  });

  it("shows this page as a code for a phone to whoever has no wallet here", async () => {
    page("refund");
    press();
    await pass();
    await vi.waitFor(() => expect(place().dataset.state).toBe("no-wallet"));
    place().querySelector<HTMLButtonElement>("[data-show-code]")?.click();
    await vi.waitFor(() => expect(place().querySelector("svg[role=img]")).not.toBeNull());
    expect(place().querySelector("[data-show-code]")).toBeNull();
  });

  it("lets the person change the wallet used last, once it is of no use", async () => {
    const { sent } = wallet({ eth_accounts: [], eth_requestAccounts: [CAMPAIGN] });
    const other = wallet();
    for (const stop of stops.splice(1)) stop();
    stops.push(announce(other.provider, "org.example.other"));
    page("refund");
    expect(document.querySelector("[data-other-wallet]")).toBeNull();
    press();
    await vi.waitFor(() => expect(place().dataset.state).toBe("wrong-account"));
    document.querySelector<HTMLButtonElement>("[data-other-wallet]")?.click();
    await vi.waitFor(() => expect(document.querySelectorAll("[data-wallets] button")).toHaveLength(2));
    document.querySelectorAll<HTMLButtonElement>("[data-wallets] button")[1]?.click();
    await vi.waitFor(() => expect(other.sent).toHaveLength(1));
    expect(sent).toEqual([]);
    expect(localStorage.getItem("chainfund.wallet")).toBe("org.example.other");
  });

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
