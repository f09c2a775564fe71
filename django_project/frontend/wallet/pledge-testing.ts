// What the tests of <wallet-pledge> share: its page, a wallet, and a site that answers as each test says.
import { afterEach, beforeAll, beforeEach, expect, vi } from "vitest";
import words from "../../templates/web/partials/wallet_messages.html?raw";
import { forget, payments } from "../payments.ts";
import { announce, BACKER, CAMPAIGN, CHAIN, nodeReplies, type Reply, ScriptedProvider } from "../testing.ts";
import { WalletPledge } from "./pledge.ts";
import { NATIVE } from "./transactions.ts";
import type { Hex } from "./types.ts";

export const REF = `0x${"cd".repeat(32)}`;
export const KEY = `31337:${CAMPAIGN.toLowerCase()}`;
export const TOKEN_AMOUNT = 250_500_000n;

export interface Asked {
  url: string;
  body: Record<string, unknown>;
}
export type Site = (asked: Asked) => unknown;

/** A status that refuses, in the shape of the API. */
export class Refusal {
  constructor(
    readonly status: number,
    readonly code = "refused",
    readonly message = "",
  ) {}
}

export const stops: (() => void)[] = [];
export let asked: Asked[];
export let site: Record<string, Site>;

export function page(token: Hex = NATIVE): void {
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

export function wallet(more: Record<string, Reply> = {}): ScriptedProvider {
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

export const soon = (holds: () => void, timeout = 2000): Promise<void> =>
  vi.waitFor(holds, { timeout, interval: 5 });
export const place = (): HTMLElement => document.querySelector("[data-place]") as HTMLElement;
export const button = (): HTMLButtonElement => document.querySelector("[data-start]") as HTMLButtonElement;
export const state = (): string | undefined => place().dataset.state;
export const posted = (what: string): Asked[] =>
  asked.filter(({ url }) => url === `POST /api/v1/pledges${what}`);
export const sends = (provider: ScriptedProvider): number =>
  provider.asked.filter((method) => method === "eth_sendTransaction").length;

export async function press(): Promise<void> {
  await soon(() => expect(button().disabled).toBe(false));
  button().click();
}

export async function isSaid(key: string): Promise<void> {
  await soon(() => expect(state()).toBe(key), 4000);
  expect(place().textContent?.trim()).toBeTruthy();
}

export async function isLeft(): Promise<void> {
  await soon(() => expect(location.hash).toBe("#/pledges/7/"), 5000);
  expect(button().disabled).toBe(true);
}
