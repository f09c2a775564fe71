import { hexToString } from "viem/utils";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import words from "../../templates/web/partials/wallet_messages.html?raw";
import {
  announce,
  BACKER,
  CAMPAIGN,
  CHAIN,
  nodeReplies,
  type Reply,
  rpcError,
  ScriptedProvider,
} from "../testing.ts";
import { WalletLink, WalletStepUp } from "./step-up.ts";
import type { Hex } from "./types.ts";

const OTHER: Hex = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const NEW: Hex = CAMPAIGN;
const stops: (() => void)[] = [];
let posted: [string, Record<string, unknown>][];
let refusal: { status: number; code: string; message: string } | undefined;

function page(element: string): void {
  document.body.innerHTML = `<input name="csrfmiddlewaretoken" value="token">
    <script type="application/json" id="chains">${JSON.stringify([CHAIN])}</script>${element}${words}`;
}

function stepUp(attributes: string, inside = ""): void {
  page(`<wallet-step-up data-own="${BACKER} ${OTHER}" data-post="/act" data-next="#done" ${attributes}>${inside}
    <button data-start disabled></button><div data-place></div><div data-wallets></div></wallet-step-up>`);
}

/** A wallet that shows some accounts; what it signs is named by who signs and what. */
function wallet(shown: readonly Hex[], more: Record<string, Reply> = {}): ScriptedProvider {
  const provider = new ScriptedProvider(
    nodeReplies({
      eth_accounts: shown,
      eth_requestAccounts: shown,
      personal_sign: ([text, account]: readonly unknown[]) => `${hexToString(text as Hex)} by ${account}`,
      ...more,
    }),
  );
  stops.push(announce(provider));
  return provider;
}

const press = (): void => document.querySelector<HTMLButtonElement>("[data-start]")?.click();
const state = (): string | undefined => document.querySelector<HTMLElement>("[data-place]")?.dataset.state;
const soon = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 4000, interval: 5 });
const asked = (): unknown[] => posted.filter(([url]) => url.endsWith("/challenge")).map(([, body]) => body);
const sent = (url: string): unknown => posted.find(([each]) => each === url)?.[1];

beforeAll(() => {
  customElements.define("wallet-step-up", WalletStepUp);
  customElements.define("wallet-link", WalletLink);
});
beforeEach(() => {
  localStorage.setItem("chainfund.wallet", "org.example.wallet");
  location.hash = "";
  posted = [];
  refusal = undefined;
  vi.stubGlobal("fetch", async (url: string, { body = "{}" }: { body?: string }) => {
    const wanted = JSON.parse(body);
    posted.push([url, wanted]);
    if (url === "/api/v1/session/challenge") {
      return new Response(JSON.stringify({ nonce: wanted.purpose, message: wanted.subject }));
    }
    if (refusal) return new Response(JSON.stringify({ error: refusal }), { status: refusal.status });
    return new Response(null, { status: 204 });
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  for (const stop of stops.splice(0)) stop();
  document.body.replaceChildren();
  localStorage.clear();
});

describe("<wallet-step-up>", () => {
  it("has one of the account's wallets sign what it is about, and goes on", async () => {
    wallet([BACKER]);
    stepUp(`data-purpose="remove_wallet" data-subject="${NEW}"`);
    press();
    await soon(() => expect(location.hash).toBe("#done"));
    expect(asked()).toEqual([{ address: BACKER, chain_id: 31337, purpose: "remove_wallet", subject: NEW }]);
    expect(sent("/act")).toEqual({ nonce: "remove_wallet", signature: `${NEW} by ${BACKER}` });
  });

  it("takes any of them that the wallet shows, without asking", async () => {
    const provider = wallet([NEW, OTHER]);
    stepUp('data-purpose="delete_account"');
    press();
    await soon(() => expect(location.hash).toBe("#done"));
    expect(sent("/act")).toEqual({ nonce: "delete_account", signature: ` by ${OTHER}` });
    expect(provider.asked).not.toContain("eth_requestAccounts");
  });

  it("asks for another account where the wallet shows none of them", async () => {
    wallet([NEW]);
    stepUp('data-purpose="delete_account"');
    press();
    await soon(() => expect(state()).toBe("wrong-account"));
    expect(document.querySelector("[data-place]")?.textContent).toContain(BACKER);
    expect(asked()).toEqual([]);
  });

  it("is about what was typed, and goes on elsewhere when that is nothing", async () => {
    wallet([BACKER]);
    stepUp(
      'data-purpose="change_email" data-next-if-empty="#removed"',
      '<input data-field value=" a@b.example ">',
    );
    press();
    await soon(() => expect(location.hash).toBe("#done"));
    expect(asked()).toMatchObject([{ subject: "a@b.example" }]);
    (document.querySelector("[data-field]") as HTMLInputElement).value = "";
    await soon(() => expect(document.querySelector<HTMLButtonElement>("[data-start]")?.disabled).toBe(true));
    stepUp('data-purpose="change_email" data-next-if-empty="#removed"', '<input data-field value="">');
    press();
    await soon(() => expect(location.hash).toBe("#removed"));
  });

  it("does nothing when the person refuses, and says why the site does", async () => {
    let answer: unknown = rpcError(4001);
    wallet([BACKER], { personal_sign: () => answer });
    stepUp('data-purpose="delete_account"');
    press();
    await soon(() => expect(state()).toBe("rejected"));
    expect(sent("/act")).toBeUndefined();
    answer = "0x12";
    refusal = { status: 403, code: "not_your_wallet", message: "The wallet does not fit." };
    press();
    await soon(() => expect(state()).toBe("refused-by-site"));
    expect(document.querySelector("[data-place]")?.textContent).toContain("The wallet does not fit.");
    expect(location.hash).toBe("");
  });
});

describe("<wallet-link>", () => {
  function link(): void {
    page(`<wallet-link data-own="${BACKER} ${OTHER}" data-next="#linked">
      <button data-start disabled></button><div data-place></div><div data-wallets></div></wallet-link>`);
  }
  const both = {
    joining: { nonce: "join_account", signature: `${BACKER} by ${NEW}` },
    approval: { nonce: "add_wallet", signature: `${NEW} by ${BACKER}` },
  };

  it("has both wallets sign, each about the other", async () => {
    wallet([NEW, BACKER]);
    link();
    press();
    await soon(() => expect(location.hash).toBe("#linked"));
    expect(asked()).toEqual([
      { address: NEW, chain_id: 31337, purpose: "join_account", subject: BACKER },
      { address: BACKER, chain_id: 31337, purpose: "add_wallet", subject: NEW },
    ]);
    expect(sent("/api/v1/account/wallets")).toEqual(both);
  });

  it("keeps the first signature while the person changes the account", async () => {
    let shown: Hex[] = [NEW];
    const provider = wallet([], { eth_accounts: () => shown, eth_requestAccounts: () => shown });
    link();
    press();
    await soon(() => expect(state()).toBe("wrong-account"));
    expect(sent("/api/v1/account/wallets")).toBeUndefined();
    shown = [BACKER];
    press();
    await soon(() => expect(location.hash).toBe("#linked"));
    expect(sent("/api/v1/account/wallets")).toEqual(both);
    expect(provider.asked.filter((method) => method === "personal_sign")).toHaveLength(2);
  });

  it("has another account chosen when the wallet shows one that is here already", async () => {
    let shown: Hex[] = [BACKER];
    wallet([], {
      eth_accounts: () => shown,
      eth_requestAccounts: () => shown,
      wallet_requestPermissions: () => {
        shown = [NEW, BACKER];
        return [];
      },
    });
    link();
    press();
    await soon(() => expect(location.hash).toBe("#linked"));
    expect(sent("/api/v1/account/wallets")).toEqual(both);
  });

  it("begins anew after the site refused", async () => {
    wallet([NEW, BACKER]);
    link();
    refusal = { status: 409, code: "wallet_taken", message: "Taken." };
    press();
    await soon(() => expect(state()).toBe("refused-by-site"));
    refusal = undefined;
    press();
    await soon(() => expect(location.hash).toBe("#linked"));
    expect(asked()).toHaveLength(4);
  });
});
