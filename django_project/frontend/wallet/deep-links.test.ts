import { describe, expect, it } from "vitest";
import words from "../../templates/web/partials/wallet_messages.html?raw";
import { DEEP_LINKS } from "./deep-links.ts";
import { say } from "./messages.ts";

const SLUG = "%E8%9C%82%E8%9C%9C";
const REVIEW = new URL("https://chainfund.example/campaigns/蜂蜜/pledge/review/?tier=2&amount=0.25#terms");
const SIGN_IN = new URL(`https://chainfund.example/sign-in/?next=${encodeURIComponent("/me/?tab=a&b#c")}`);

/** What a wallet reads out of the one parameter that carries the page. */
const carried = (link: string, parameter: string): string | null => new URL(link).searchParams.get(parameter);

describe("a link into a wallet's app", () => {
  it("carries the page without its scheme to MetaMask", () => {
    expect(DEEP_LINKS.metamask(REVIEW)).toBe(
      `https://link.metamask.io/dapp/chainfund.example/campaigns/${SLUG}/pledge/review/?tier=2&amount=0.25#terms`,
    );
    expect(DEEP_LINKS.metamask(SIGN_IN)).toBe(
      "https://link.metamask.io/dapp/chainfund.example/sign-in/?next=%2Fme%2F%3Ftab%3Da%26b%23c",
    );
    expect(DEEP_LINKS.metamask(new URL("https://chainfund.example:8443/me/"))).toBe(
      "https://link.metamask.io/dapp/chainfund.example:8443/me/",
    );
  });

  it("carries the page as one encoded parameter to the others", () => {
    expect(DEEP_LINKS["trust-wallet"](REVIEW)).toBe(
      "https://link.trustwallet.com/open_url?coin_id=60&url=https%3A%2F%2Fchainfund.example%2Fcampaigns%2F" +
        "%25E8%259C%2582%25E8%259C%259C%2Fpledge%2Freview%2F%3Ftier%3D2%26amount%3D0.25%23terms",
    );
    for (const page of [REVIEW, SIGN_IN]) {
      expect(carried(DEEP_LINKS["trust-wallet"](page), "url")).toBe(page.href);
      expect(carried(DEEP_LINKS["coinbase-wallet"](page), "cb_url")).toBe(page.href);
    }
    expect(DEEP_LINKS["coinbase-wallet"](SIGN_IN)).toMatch(/^https:\/\/go\.cb-w\.com\/dapp\?cb_url=https%3A/);
  });
});

describe("the words for a missing wallet", () => {
  it("link to this very page in each app, and tell no app where the person came from", () => {
    window.history.replaceState(null, "", `/campaigns/${SLUG}/pledge/review/?tier=2&amount=0.25`);
    document.body.innerHTML = `<div id="place"></div>${words}`;
    const place = document.getElementById("place") as HTMLElement;
    say(place, "no-wallet");
    const links = [...place.querySelectorAll<HTMLAnchorElement>("a[data-open-in]")];
    expect(links.map((link) => link.dataset.openIn)).toEqual(Object.keys(DEEP_LINKS));
    const here = new URL(window.location.href);
    expect(links.map((link) => link.href)).toEqual(Object.values(DEEP_LINKS).map((link) => link(here)));
    expect(links.every((link) => link.rel === "noreferrer")).toBe(true);
  });
});
