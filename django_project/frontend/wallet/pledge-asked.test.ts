import { describe, expect, it, vi } from "vitest";
import { payments, unreportedPayments } from "../payments.ts";
import { HASH, type Reply, rpcError, Thrown, TOKEN } from "../testing.ts";
import { PATIENCE_MILLISECONDS } from "./element.ts";
import { REPORT_MILLISECONDS } from "./pledge.ts";
import {
  button,
  isLeft,
  isSaid,
  KEY,
  page,
  place,
  posted,
  press,
  REF,
  Refusal,
  type Site,
  sends,
  site,
  soon,
  state,
  wallet,
} from "./pledge-testing.ts";
import type { Hex } from "./types.ts";

describe("once the wallet is asked to pay", () => {
  it.each([
    ["the wallet disconnected", rpcError(4900, "disconnected")],
    ["the wallet's node hung up", rpcError(-32603, "socket hang up")],
    ["it timed out", rpcError(-32000, "timeout")],
    ["a request is pending", rpcError(-32002, "Already processing")],
    ["the message port closed", new Error("Attempting to connect to disconnected port")],
    ["nobody knows why", new Thrown(undefined)],
    ["a text was thrown", new Thrown("something went wrong")],
    ["the answer is no hash", { result: "ok" }],
    ["there is no answer", null],
  ] as [string, Reply][])("leaves for the status page when %s", async (_, reply) => {
    const provider = wallet({ eth_sendTransaction: reply });
    page();
    await press();
    await isLeft();
    expect(state()).toBe("payment-unanswered");
    expect(posted("/7/rejected")).toEqual([]);
    expect(posted("/7/submitted")).toEqual([]);
    expect(payments()).toMatchObject([{ id: "7", ref: REF }]);
    expect(sends(provider)).toBe(1);
  });

  it.each([
    ["MetaMask", rpcError(4001, "MetaMask Tx Signature: User denied transaction signature.")],
    ["a wallet that wraps it", rpcError(-32603, "Internal", { originalError: { code: 4001 } })],
    ["a wallet with a cause", new Error("failed", { cause: rpcError(4001) })],
    ["codes as text", new Thrown({ code: "4001", message: "no" })],
    ["ethers", new Thrown({ code: "ACTION_REJECTED", message: "user rejected action" })],
    ["WalletConnect", rpcError(5000, "User rejected.")],
    ["words alone", new Thrown({ message: "User rejected the request." })],
    ["a text", new Thrown("Cancelled by user")],
  ] as [string, Reply][])("gives the button back on a refusal as %s tells it", async (_, reply) => {
    const provider = wallet({ eth_sendTransaction: reply });
    page();
    await press();
    await isSaid("rejected-payment");
    await soon(() => expect(posted("/7/rejected").map(({ body }) => body)).toEqual([{ ref: REF }]));
    expect(payments()).toEqual([]);
    expect(button().disabled).toBe(false);
    provider.replies.eth_sendTransaction = HASH;
    await press();
    await isLeft();
    expect(sends(provider)).toBe(2);
  });

  it.each([
    ["locked", rpcError(4100)],
    ["node-trouble", rpcError(4200, "not supported")],
    ["node-trouble", rpcError(-32601, "no such method")],
    ["insufficient-funds-by-wallet", rpcError(-32000, "insufficient funds for gas * price + value")],
    ["insufficient-funds-by-wallet", new Thrown({ code: "INSUFFICIENT_FUNDS" })],
  ] as [string, Reply][])("gives the button back at %s: it can't have been sent", async (key, reply) => {
    wallet({ eth_sendTransaction: reply });
    page();
    await press();
    await isSaid(key);
    expect(payments()).toEqual([]);
    await soon(() => expect(button().disabled).toBe(false));
    expect(place().querySelector("[data-slot]:empty:not([data-slot=detail])")).toBeNull();
  });

  it("pays on no other chain, whatever the wallet does between the checks and the payment", async () => {
    const provider = wallet();
    site["POST /api/v1/pledges/7/opened"] = () => {
      provider.replies.eth_chainId = "0x1";
      return {};
    };
    page();
    await press();
    await isSaid("switch-network");
    expect(sends(provider)).toBe(0);
    expect(payments()).toEqual([]);
    await soon(() => expect(posted("/7/rejected")).toHaveLength(1));
  });

  it("asks for nothing when the wallet is disconnected at the last look", async () => {
    const provider = wallet();
    site["POST /api/v1/pledges/7/opened"] = () => {
      provider.replies.eth_chainId = rpcError(4900, "disconnected");
      return {};
    };
    page();
    await press();
    await isSaid("node-trouble");
    expect(sends(provider)).toBe(0);
    expect(payments()).toEqual([]);
  });

  it("says where the payment is found when the wallet is silent, and takes a late answer", async () => {
    let answer: (hash: Hex) => void = () => {};
    const provider = wallet({ eth_sendTransaction: () => new Promise((resolve) => (answer = resolve)) });
    page();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    await press();
    await soon(() => expect(sends(provider)).toBe(1));
    await vi.advanceTimersByTimeAsync(PATIENCE_MILLISECONDS);
    await isSaid("payment-unanswered");
    expect(button().disabled).toBe(true);
    expect(place().querySelector("a")?.getAttribute("href")).toBe("#/pledges/7/");
    answer(HASH);
    await isLeft();
    expect(posted("/7/submitted")).toHaveLength(1);
  });

  it.each([
    ["the network is gone", new TypeError("Failed to fetch")],
    ["the site is down", new Refusal(502)],
    ["the session ended", new Refusal(401, "sign_in_required", "Sign in first.")],
    ["the page's token is old", new Refusal(403, "csrf_failed", "CSRF Failed")],
    ["too much was asked", new Refusal(429, "too_many_requests", "Wait.")],
  ])("leaves for the status page and keeps the hash when %s as it is reported", async (_, reply) => {
    const provider = wallet();
    site["POST /api/v1/pledges/7/submitted"] = () => reply;
    page();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    await press();
    await soon(() => expect(posted("/7/submitted").length).toBeGreaterThan(0));
    await vi.advanceTimersByTimeAsync(REPORT_MILLISECONDS);
    await isLeft();
    expect(unreportedPayments()).toMatchObject([{ id: "7", ref: REF, hash: HASH }]);
    expect(sends(provider)).toBe(1);
    // What is left to report goes on being reported.
    site["POST /api/v1/pledges/7/submitted"] = () => ({});
    window.dispatchEvent(new Event("online"));
    await soon(() => expect(unreportedPayments()).toEqual([]));
  });

  it("is sent once and reported where nothing can be stored", async () => {
    vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    const provider = wallet();
    page();
    await press();
    await isLeft();
    expect(sends(provider)).toBe(1);
    expect(posted("/7/opened")).toHaveLength(1);
    expect(posted("/7/submitted")).toHaveLength(1);
  });
});

describe("while an earlier payment may be on its way", () => {
  const earlier = { id: "3", ref: REF, campaign: KEY, statusUrl: "/pledges/3/" };
  const remember = (more: object = {}): void =>
    localStorage.setItem("chainfund.payment.3", JSON.stringify({ ...earlier, ...more }));

  it.each([
    ["was asked for", {}],
    ["was sent", { hash: HASH }],
    ["was reported", { hash: HASH, isReported: true }],
  ])("stops at once when it %s, and goes on by the person's decision", async (_, more) => {
    remember(more);
    const provider = wallet();
    page();
    await isSaid("payment-under-way");
    expect(place().querySelector("a")?.getAttribute("href")).toBe("/pledges/3/");
    expect(button().disabled).toBe(true);
    button().click();
    expect(sends(provider)).toBe(0);
    place().querySelector<HTMLButtonElement>("[data-go-on]")?.click();
    await isLeft();
    expect(posted("")[0]?.body).toMatchObject({ again: true });
    expect(sends(provider)).toBe(1);
    expect(payments().find(({ id }) => id === "3")).toMatchObject({ ...earlier, isSetAside: true });
  });

  it.each(["confirmed", "final", "failed", "rejected"])(
    "goes on when the site says that it is %s",
    async (what) => {
      remember();
      wallet();
      site["GET /api/v1/pledges/3"] = () => ({ state: what });
      page();
      await press();
      await isLeft();
      expect(payments().map(({ id }) => id)).toEqual(["7"]);
    },
  );

  it("stops when the site can't say", async () => {
    remember();
    wallet();
    site["GET /api/v1/pledges/3"] = () => new TypeError("Failed to fetch");
    page();
    await isSaid("payment-under-way");
  });

  it("does not hold up a payment to another campaign", async () => {
    remember({ campaign: `31337:${TOKEN}` });
    wallet();
    page();
    await press();
    await isLeft();
  });

  it("stops when another tab asks its wallet meanwhile", async () => {
    const provider = wallet();
    site["POST /api/v1/pledges/7/opened"] = () => {
      remember();
      return {};
    };
    page();
    await press();
    await isSaid("payment-under-way");
    expect(sends(provider)).toBe(0);
    await soon(() => expect(posted("/7/rejected")).toHaveLength(1));
  });

  it("stops when the site knows of one that this browser does not", async () => {
    const provider = wallet();
    const replies: unknown[] = [new Refusal(409, "pledge_under_way", "It may have been paid.")];
    const write = site["POST /api/v1/pledges"] as Site;
    site["POST /api/v1/pledges"] = (question) => replies.shift() ?? write(question);
    page();
    await press();
    await isSaid("payment-under-way");
    expect(sends(provider)).toBe(0);
    place().querySelector<HTMLButtonElement>("[data-go-on]")?.click();
    await isLeft();
    expect(posted("")[1]?.body).toMatchObject({ again: true });
  });

  it("stops at once when the page itself tells of one", async () => {
    const provider = wallet();
    page();
    (document.querySelector("wallet-pledge") as HTMLElement).dataset.again = "/pledges/5/";
    await isSaid("payment-under-way");
    expect(place().querySelector("[data-link=status]")?.getAttribute("href")).toBe("/pledges/5/");
    place().querySelector<HTMLButtonElement>("[data-go-on]")?.click();
    await isLeft();
    expect(posted("")[0]?.body).toMatchObject({ again: true });
    expect(sends(provider)).toBe(1);
  });

  it("tells of it when the back button shows the page again", async () => {
    wallet();
    page();
    await press();
    await isLeft();
    site["GET /api/v1/pledges/7"] = () => ({ state: "submitted" });
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    await isSaid("payment-under-way");
    expect(button().disabled).toBe(true);
  });

  it("trusts nothing that was written by somebody else", async () => {
    localStorage.setItem("chainfund.payment.x", "{");
    localStorage.setItem("chainfund.payment.y", '{"id":"y"}');
    localStorage.setItem("chainfund.payment.z", "null");
    wallet();
    page();
    await press();
    await isLeft();
  });
});
