import { numberToHex } from "viem/utils";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import words from "../../templates/web/partials/wallet_messages.html?raw";
import { noteAsked, noteReported, noteSent, payments } from "../payments.ts";
import { announce, BACKER, HASH, nodeReplies, type Reply, ScriptedProvider } from "../testing.ts";
import { BLOCKS_UNTIL_DROPPED } from "./following.ts";
import { WATCH_MILLISECONDS, WalletWatch } from "./watch.ts";

const payment = { id: "7", ref: HASH, campaign: "1:0x", statusUrl: "/pledges/7/" };
const posted = vi.fn();
const stops: (() => void)[] = [];
let block: number;

beforeAll(() => customElements.define("wallet-watch", WalletWatch));
beforeEach(() => {
  localStorage.clear();
  localStorage.setItem("chainfund.wallet", "org.example.wallet");
  block = 5;
  posted.mockReset();
  vi.useFakeTimers({ shouldAdvanceTime: true });
  vi.stubGlobal("fetch", async (url: string) => {
    posted(url);
    return new Response("{}");
  });
});
afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  for (const stop of stops.splice(0)) stop();
});

function wallet(more: Record<string, Reply> = {}): ScriptedProvider {
  const provider = new ScriptedProvider(nodeReplies({ eth_blockNumber: () => numberToHex(block), ...more }));
  stops.push(announce(provider));
  return provider;
}

function region(state: string, hash = ""): string {
  return `<div id="pledge-state" data-state="${state}">${hash && `<i data-watched="${hash}"></i>`}</div>`;
}

function page(state: string, hash = ""): void {
  document.body.innerHTML = `${region(state, hash)}
    <wallet-watch data-pledge="7" data-backer="${BACKER}"><div data-place></div></wallet-watch>${words}`;
}

function renew(state: string, hash = ""): void {
  const old = document.getElementById("pledge-state") as HTMLElement;
  old.outerHTML = region(state, hash);
  document.dispatchEvent(new Event("htmx:afterSettle"));
}

const place = (): HTMLElement => document.querySelector("[data-place]") as HTMLElement;

describe("<wallet-watch>", () => {
  it("reports what the wallet sent and the site has not heard of", async () => {
    noteSent(payment, HASH);
    page("asked");
    await vi.waitFor(() => expect(posted).toHaveBeenCalledWith("/api/v1/pledges/7/submitted"));
  });

  it.each(["confirmed", "final", "failed", "rejected"])("forgets a payment that is %s", (state) => {
    noteAsked(payment);
    page("asked");
    expect(payments()).toHaveLength(1);
    renew(state);
    expect(payments()).toEqual([]);
  });

  it("keeps what the site has not heard, whatever it says", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 502 }));
    noteSent(payment, HASH);
    page("failed");
    expect(payments()).toHaveLength(1);
    noteReported("7");
    renew("failed");
    expect(payments()).toEqual([]);
  });

  it("says that the transaction reverted, until the page knows better", async () => {
    wallet({ eth_getTransactionReceipt: { status: "0x0" } });
    page("submitted", HASH);
    await vi.waitFor(() => expect(place().dataset.state).toBe("mined-reverted"));
    renew("confirmed");
    expect(place().textContent).toBe("");
  });

  it("counts blocks through all renewals of the page", async () => {
    const provider = wallet({ eth_getTransactionReceipt: null, eth_getTransactionByHash: null });
    page("submitted", HASH);
    await vi.waitFor(() => expect(provider.asked).toContain("eth_getTransactionByHash"));
    await vi.advanceTimersByTimeAsync(60_000);
    renew("submitted", HASH);
    expect(place().dataset.state).toBeUndefined();
    block += BLOCKS_UNTIL_DROPPED;
    await vi.advanceTimersByTimeAsync(WATCH_MILLISECONDS);
    await vi.waitFor(() => expect(place().dataset.state).toBe("replaced-or-dropped"));
  });

  it("does not look for the hash of a contract wallet", async () => {
    const provider = wallet({ eth_getCode: "0x6080", eth_getTransactionReceipt: null });
    page("submitted", HASH);
    await vi.waitFor(() => expect(provider.asked).toContain("eth_getCode"));
    await vi.advanceTimersByTimeAsync(WATCH_MILLISECONDS);
    expect(provider.asked).not.toContain("eth_getTransactionReceipt");
  });
});
