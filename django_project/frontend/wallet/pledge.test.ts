import { encodeErrorResult, numberToHex } from "viem/utils";
import { describe, expect, it, vi } from "vitest";
import { payments } from "../payments.ts";
import { BACKER, CAMPAIGN, HASH, NEVER, nodeReplies, type Reply, rpcError } from "../testing.ts";
import { campaignErrors } from "./abi.ts";
import { PATIENCE_MILLISECONDS } from "./element.ts";
import {
  asked,
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
  stops,
  wallet,
} from "./pledge-testing.ts";

describe("<wallet-pledge>", () => {
  it("tells the site and this browser before the wallet is asked, then the hash, and moves on", async () => {
    const seen: unknown[] = [];
    wallet({
      eth_sendTransaction: () => {
        seen.push(...asked.map(({ url }) => url), payments());
        return HASH;
      },
    });
    page();
    await press();
    await isLeft();
    const payment = { id: "7", ref: REF, campaign: KEY, statusUrl: "#/pledges/7/" };
    expect(seen).toEqual(["POST /api/v1/pledges", "POST /api/v1/pledges/7/opened", [payment]]);
    expect(asked.map(({ body }) => body)).toEqual([
      { campaign: KEY, amount: "0.25", tier_id: 0 },
      { ref: REF },
      { tx_hash: HASH, ref: REF },
    ]);
    expect(payments()).toEqual([{ ...payment, hash: HASH, isReported: true }]);
  });

  it("puts the site's reference and the chain into the transaction", async () => {
    const sent = vi.fn((_: readonly unknown[]) => HASH);
    wallet({ eth_sendTransaction: sent });
    page();
    await press();
    await isLeft();
    const data = expect.stringContaining("cd".repeat(32));
    const call = { data, to: CAMPAIGN, chainId: "0x7a69", from: BACKER, value: "0x3782dace9d90000" };
    expect(sent).toHaveBeenCalledExactlyOnceWith([call]);
  });

  it("does not ask to connect a wallet that shows the account", async () => {
    const provider = wallet();
    page();
    await press();
    await isLeft();
    expect(provider.asked).not.toContain("eth_requestAccounts");
  });

  it("names the fee, but none to a wallet whose fee somebody else pays", async () => {
    const fee = (): string | null | undefined => document.querySelector("[data-network-fee]")?.textContent;
    wallet();
    page();
    await press();
    await isLeft();
    expect(fee()).toBe("≈ 0.00009 ETH");
    localStorage.removeItem("chainfund.payment.7");
    location.hash = "";
    for (const stop of stops.splice(0)) stop();
    const balance = numberToHex(250_000_000_000_000_000n);
    wallet({ eth_getCode: "0x6080", eth_getBalance: balance, eth_estimateGas: rpcError(-32000, "no key") });
    page();
    await press();
    await isLeft();
    expect(fee()).toBe("your wallet shows it");
  });
});

describe("before the wallet is asked to pay", () => {
  const soldOut = encodeErrorResult({ abi: campaignErrors, errorName: "Campaign_TierSoldOut", args: [2] });
  it.each([
    ["wrong-account", { eth_accounts: [], eth_requestAccounts: [CAMPAIGN] }],
    ["locked", { eth_accounts: [], eth_requestAccounts: [] }],
    ["request-pending", { eth_accounts: [], eth_requestAccounts: rpcError(-32002) }],
    ["rejected-payment", { eth_accounts: [], eth_requestAccounts: rpcError(4001) }],
    ["switch-network", { eth_chainId: "0x1", wallet_switchEthereumChain: rpcError(4200) }],
    ["no-contract", { eth_getCode: "0x" }],
    ["insufficient-funds", { eth_getBalance: "0x1" }],
    ["reverted", { eth_call: rpcError(3, "execution reverted", soldOut) }],
    ["node-trouble", { eth_call: rpcError(4900, "The provider is disconnected") }],
    ["node-trouble", { eth_accounts: rpcError(4900), eth_requestAccounts: rpcError(4900, "gone") }],
  ] as [string, Record<string, Reply>][])("stops at %s and can be pressed again", async (key, replies) => {
    const provider = wallet(replies);
    page();
    await press();
    await isSaid(key);
    expect(asked).toEqual([]);
    expect(sends(provider)).toBe(0);
    expect(payments()).toEqual([]);
    expect(button().disabled).toBe(false);
  });

  it.each([
    ["the network is gone", new TypeError("Failed to fetch"), "site-unreachable"],
    ["the site is down", new Refusal(502), "site-unreachable"],
    ["the session ended", new Refusal(401, "sign_in_required", "Sign in first."), "signed-out"],
    ["the campaign closed", new Refusal(409, "closed", "It has ended."), "refused-by-site"],
  ])("sends nothing when %s as the pledge is written down", async (_, reply, key) => {
    const provider = wallet();
    site["POST /api/v1/pledges"] = () => reply;
    page();
    await press();
    await isSaid(key);
    expect(sends(provider)).toBe(0);
    expect(payments()).toEqual([]);
    if (reply instanceof Refusal && key === "refused-by-site") {
      expect(place().textContent).toContain("It has ended.");
    }
  });

  it("sends nothing when the site can't be told that the wallet is about to be asked", async () => {
    const provider = wallet();
    site["POST /api/v1/pledges/7/opened"] = () => new TypeError("Failed to fetch");
    page();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    await press();
    await soon(() => expect(posted("/7/opened")).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(2000);
    await isSaid("site-unreachable");
    expect(posted("/7/opened")).toHaveLength(3);
    expect(sends(provider)).toBe(0);
    await soon(() => expect(posted("/7/rejected")).toHaveLength(1));
    expect(button().disabled).toBe(false);
  });

  it("tells the site again after a moment's trouble", async () => {
    const provider = wallet();
    const replies = [new Refusal(503), {}];
    site["POST /api/v1/pledges/7/opened"] = () => replies.shift();
    page();
    await press();
    await isLeft();
    expect(sends(provider)).toBe(1);
  });

  it("reads a fresh token after somebody signed in in another tab", async () => {
    wallet();
    const replies = [new Refusal(403, "csrf_failed", "CSRF Failed"), undefined];
    const write = site["POST /api/v1/pledges"] as Site;
    site["POST /api/v1/pledges"] = (question) => replies.shift() ?? write(question);
    page();
    await press();
    await isLeft();
    expect(document.querySelector("input")?.value).toBe("fresh");
  });

  it("does not write down a pledge for the account that signed in in another tab", async () => {
    const provider = wallet();
    site["POST /api/v1/pledges"] = () => new Refusal(403, "csrf_failed", "CSRF Failed");
    site["GET /api/v1/session"] = () => ({ address: CAMPAIGN, csrf_token: "fresh" });
    page();
    await press();
    await isSaid("signed-out");
    expect(posted("")).toHaveLength(1);
    expect(sends(provider)).toBe(0);
  });

  it.each([
    ["silent as it is to connect", { eth_accounts: [], eth_requestAccounts: NEVER }],
    ["silent as it is to switch", { eth_chainId: "0x1", wallet_switchEthereumChain: NEVER }],
    ["silent as its node is asked", { eth_getBalance: NEVER }],
  ] as [string, Record<string, Reply>][])("offers to ask again a wallet that is %s", async (_, replies) => {
    const provider = wallet(replies);
    page();
    vi.useFakeTimers({ shouldAdvanceTime: true });
    await press();
    await soon(() => expect(provider.asked).toContain(Object.keys(replies).at(-1)));
    await vi.advanceTimersByTimeAsync(PATIENCE_MILLISECONDS);
    await isSaid("no-answer");
    Object.assign(provider.replies, nodeReplies());
    await press();
    await isLeft();
    expect(sends(provider)).toBe(1);
  });

  it("offers to ask again at once when the wallet says that it is disconnected", async () => {
    const provider = wallet({ eth_accounts: [], eth_requestAccounts: NEVER });
    page();
    await press();
    await soon(() => expect(provider.asked).toContain("eth_requestAccounts"));
    provider.emit("disconnect");
    await isSaid("no-answer");
    expect(button().disabled).toBe(false);
  });

  it("never hears the answer to a request that it gave up", async () => {
    const answers: ((accounts: string[]) => void)[] = [];
    const connect = () => new Promise((resolve) => answers.push(resolve));
    const provider = wallet({ eth_accounts: [], eth_requestAccounts: connect });
    page();
    await press();
    await soon(() => expect(answers).toHaveLength(1));
    provider.emit("disconnect");
    await press();
    await soon(() => expect(answers).toHaveLength(2));
    for (const answer of answers) answer([BACKER]);
    provider.replies.eth_accounts = [BACKER];
    await isLeft();
    expect(sends(provider)).toBe(1);
    expect(posted("")).toHaveLength(1);
  });
});
