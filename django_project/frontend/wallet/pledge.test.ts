import { numberToHex } from "viem/utils";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import words from "../../templates/web/partials/wallet_messages.html?raw";
import { announce, BACKER, CAMPAIGN, CHAIN, HASH, rpcError, ScriptedProvider } from "../testing.ts";
import { WalletPledge } from "./pledge.ts";
import { NATIVE } from "./transactions.ts";

const REF = `0x${"cd".repeat(32)}`;

function page(): void {
  document.body.innerHTML = `
    <input name="csrfmiddlewaretoken" value="token">
    <script type="application/json" id="chains">${JSON.stringify([CHAIN])}</script>
    <wallet-pledge data-chain="31337" data-campaign="31337:${CAMPAIGN.toLowerCase()}" data-address="${CAMPAIGN}"
      data-token="${NATIVE}" data-symbol="ETH" data-decimals="18" data-amount="0.25"
      data-base-units="250000000000000000" data-tier="0" data-backer="${BACKER}">
      <button data-start disabled></button><div data-place></div><div data-wallets></div>
    </wallet-pledge>${words}`;
}

function wallet(more: Record<string, unknown> = {}): ScriptedProvider {
  const provider = new ScriptedProvider({
    eth_requestAccounts: [BACKER],
    eth_chainId: numberToHex(CHAIN.id),
    eth_getBalance: numberToHex(10n ** 18n),
    eth_call: "0x",
    eth_estimateGas: numberToHex(90_000),
    eth_gasPrice: numberToHex(10 ** 9),
    eth_sendTransaction: HASH,
    ...more,
  });
  stops.push(announce(provider));
  return provider;
}

const stops: (() => void)[] = [];
const posted = vi.fn();

beforeAll(() => customElements.define("wallet-pledge", WalletPledge));
beforeEach(() => {
  localStorage.clear();
  page();
  posted.mockReset();
  vi.stubGlobal("fetch", async (url: string, { body }: { body: string }) => {
    posted(url, JSON.parse(body));
    const intent = { id: "7", ref: REF, status_url: "#/pledges/7/" };
    return new Response(JSON.stringify(intent), { status: 201 });
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  for (const stop of stops.splice(0)) stop();
  document.body.replaceChildren();
});

async function press(): Promise<HTMLElement> {
  document.querySelector<HTMLButtonElement>("[data-start]")?.click();
  return document.querySelector("[data-place]") as HTMLElement;
}

describe("<wallet-pledge>", () => {
  it("asks the site before the wallet, then tells it the hash, and moves on", async () => {
    const provider = wallet();
    await press();
    await vi.waitFor(() => expect(location.hash).toBe("#/pledges/7/"));
    expect(posted.mock.calls).toEqual([
      [
        "/api/v1/pledges",
        { campaign: `31337:${CAMPAIGN.toLowerCase()}`, amount: "0.25", tier_id: 0, again: false },
      ],
      ["/api/v1/pledges/7/opened", { ref: REF }],
      ["/api/v1/pledges/7/submitted", { tx_hash: HASH, ref: REF }],
    ]);
    expect(provider.asked.at(-1)).toBe("eth_sendTransaction");
  });

  it("puts the site's reference into the transaction", async () => {
    const sent = vi.fn((_: readonly unknown[]) => HASH);
    wallet({ eth_sendTransaction: sent });
    await press();
    await vi.waitFor(() => expect(sent).toHaveBeenCalled());
    const data = expect.stringContaining("cd".repeat(32));
    expect(sent).toHaveBeenCalledWith([expect.objectContaining({ data, to: CAMPAIGN })]);
  });

  it("tells the site of a rejection and can be pressed again", async () => {
    wallet({ eth_sendTransaction: rpcError(4001) });
    const place = await press();
    await vi.waitFor(() => expect(place.dataset.state).toBe("rejected"));
    expect(posted).toHaveBeenLastCalledWith("/api/v1/pledges/7/rejected", { ref: REF });
    expect(document.querySelector<HTMLButtonElement>("[data-start]")?.disabled).toBe(false);
  });

  it.each([
    ["wrong-account", { eth_requestAccounts: [CAMPAIGN] }],
    ["locked", { eth_requestAccounts: [] }],
    ["request-pending", { eth_requestAccounts: rpcError(-32002) }],
    ["insufficient-funds", { eth_getBalance: "0x1" }],
    ["reverted", { eth_call: rpcError(3, "execution reverted") }],
  ])("stops at %s before the site or the wallet is asked to do anything", async (state, replies) => {
    const provider = wallet(replies);
    const place = await press();
    await vi.waitFor(() => expect(place.dataset.state).toBe(state));
    expect(place.textContent?.trim()).not.toBe("");
    expect(posted).not.toHaveBeenCalled();
    expect(provider.asked).not.toContain("eth_sendTransaction");
  });

  it("says what to do without a wallet", async () => {
    const place = await press();
    await vi.waitFor(() => expect(place.dataset.state).toBe("no-wallet"));
  });

  it("shows the site's own words when it refuses", async () => {
    wallet();
    vi.stubGlobal(
      "fetch",
      async () =>
        new Response(JSON.stringify({ error: { code: "closed", message: "It has ended." } }), {
          status: 409,
        }),
    );
    const place = await press();
    await vi.waitFor(() => expect(place.dataset.state).toBe("refused-by-site"));
    expect(place.textContent).toContain("It has ended.");
  });
});
