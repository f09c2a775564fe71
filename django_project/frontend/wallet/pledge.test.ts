import { decodeFunctionData, encodeErrorResult, numberToHex } from "viem/utils";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import words from "../../templates/web/partials/wallet_messages.html?raw";
import { forget, payments, unreportedPayments } from "../payments.ts";
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
  Thrown,
  TOKEN,
  TokenDouble,
} from "../testing.ts";
import { campaignErrors, campaignFunctions, tokenFunctions } from "./abi.ts";
import { PATIENCE_MILLISECONDS } from "./element.ts";
import { REPORT_MILLISECONDS, WalletPledge } from "./pledge.ts";
import { NATIVE } from "./transactions.ts";
import type { Call, Hex } from "./types.ts";

const REF = `0x${"cd".repeat(32)}`;
const KEY = `31337:${CAMPAIGN.toLowerCase()}`;
const TOKEN_AMOUNT = 250_500_000n;

interface Asked {
  url: string;
  body: Record<string, unknown>;
}
type Site = (asked: Asked) => unknown;

/** A status that refuses, in the shape of the API. */
class Refusal {
  constructor(
    readonly status: number,
    readonly code = "refused",
    readonly message = "",
  ) {}
}

const stops: (() => void)[] = [];
let asked: Asked[];
let site: Record<string, Site>;

function page(token: Hex = NATIVE): void {
  const isNative = token === NATIVE;
  document.body.innerHTML = `
    <input name="csrfmiddlewaretoken" value="token">
    <script type="application/json" id="chains">${JSON.stringify([CHAIN])}</script>
    <span data-network-fee>your wallet shows it</span>
    <wallet-pledge data-chain="31337" data-campaign="${KEY}" data-address="${CAMPAIGN}"
      data-token="${token}" data-symbol="${isNative ? "ETH" : "TUSD"}" data-decimals="${isNative ? 18 : 6}"
      data-amount="0.25" data-base-units="${isNative ? "250000000000000000" : TOKEN_AMOUNT}" data-tier="0"
      data-backer="${BACKER}">
      <button data-start disabled></button><div data-place></div><div data-wallets></div>
    </wallet-pledge>${words}`;
}

function wallet(more: Record<string, Reply> = {}): ScriptedProvider {
  const provider = new ScriptedProvider(nodeReplies(more));
  stops.push(announce(provider));
  return provider;
}

beforeAll(() => customElements.define("wallet-pledge", WalletPledge));
beforeEach(() => {
  localStorage.clear();
  localStorage.setItem("chainfund.wallet", "org.example.wallet");
  location.hash = "";
  asked = [];
  site = {
    "GET /api/v1/session": () => ({ address: BACKER, csrf_token: "fresh" }),
    "GET /api/v1/pledges/3": () => ({ state: "asked" }),
    "POST /api/v1/pledges": () => ({ id: "7", ref: REF, status_url: "#/pledges/7/" }),
    "POST /api/v1/pledges/7/opened": () => ({}),
    "POST /api/v1/pledges/7/submitted": () => ({}),
    "POST /api/v1/pledges/7/rejected": () => ({}),
    "POST /api/v1/pledges/3/submitted": () => ({}),
  };
  vi.stubGlobal("fetch", async (url: string, { method, body = "{}" }: { method: string; body?: string }) => {
    const question = { url, body: JSON.parse(body) };
    asked.push({ url: `${method} ${url}`, body: question.body });
    const reply = await site[`${method} ${url}`]?.(question);
    if (reply instanceof Error) throw reply;
    if (reply instanceof Refusal) {
      const { status, code, message } = reply;
      return new Response(JSON.stringify({ error: { code, message } }), { status });
    }
    return new Response(JSON.stringify(reply), { status: reply === undefined ? 404 : 200 });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  for (const stop of stops.splice(0)) stop();
  for (const { id } of payments()) forget(id);
  document.body.replaceChildren();
});

const soon = (holds: () => void, timeout = 2000): Promise<void> =>
  vi.waitFor(holds, { timeout, interval: 5 });
const place = (): HTMLElement => document.querySelector("[data-place]") as HTMLElement;
const button = (): HTMLButtonElement => document.querySelector("[data-start]") as HTMLButtonElement;
const state = (): string | undefined => place().dataset.state;
const posted = (what: string): Asked[] => asked.filter(({ url }) => url === `POST /api/v1/pledges${what}`);
const sends = (provider: ScriptedProvider): number =>
  provider.asked.filter((method) => method === "eth_sendTransaction").length;

async function press(): Promise<void> {
  await soon(() => expect(button().disabled).toBe(false));
  button().click();
}

async function isSaid(key: string): Promise<void> {
  await soon(() => expect(state()).toBe(key), 4000);
  expect(place().textContent?.trim()).toBeTruthy();
}

async function isLeft(): Promise<void> {
  await soon(() => expect(location.hash).toBe("#/pledges/7/"), 5000);
  expect(button().disabled).toBe(true);
}

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
    expect(slots).toEqual(["250.5 TUSD", "1 TUSD"]);
  });
});
