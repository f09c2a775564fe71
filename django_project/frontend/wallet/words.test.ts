import { describe, expect, it } from "vitest";
import page from "../../templates/web/partials/wallet_messages.html?raw";
import site from "../site.ts?raw";
import { campaignErrors, tokenErrors } from "./abi.ts";
import elements from "./elements.ts?raw";
import { say } from "./messages.ts";
import { MESSAGE_KEYS, UNNAMED_REVERTS } from "./problems.ts";

const told = [...page.matchAll(/<template data-message="([^"]+)"/g)].map((match) => match[1]);

describe("the words of the wallet's states", () => {
  it("are all there, and no more", () => {
    const named = [...campaignErrors, ...tokenErrors].map((error) => error.name);
    const reverts = [...named, ...UNNAMED_REVERTS].map((name) => `revert:${name}`);
    expect(told.sort()).toEqual([...MESSAGE_KEYS, ...reverts].sort());
  });

  it("take values as text, never as markup", () => {
    document.body.innerHTML =
      '<p id="place"></p><template data-message="reverted"><b data-slot="detail"></b><i data-reason></i></template>' +
      '<template data-message="revert:unknown">No reason we know.</template>';
    const place = document.getElementById("place") as HTMLElement;
    say(place, "reverted", { detail: "<img src=x onerror=alert(1)>" }, "Campaign_Unheard");
    expect(place.querySelector("img")).toBeNull();
    expect(place.textContent).toBe("<img src=x onerror=alert(1)>No reason we know.");
    expect(place.dataset.state).toBe("reverted");
  });

  it("link to pages of this site alone", () => {
    document.body.innerHTML = `<p id="place"></p>${page}`;
    const place = document.getElementById("place") as HTMLElement;
    const link = (): string | null | undefined => place.querySelector("a[data-link]")?.getAttribute("href");
    say(place, "payment-under-way", { status: "/pledges/7/" });
    expect(link()).toBe("/pledges/7/");
    for (const status of ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"]) {
      say(place, "payment-under-way", { status });
      expect(link()).toBe("{{ mine }}");
    }
  });
});

describe("the wallet's code", () => {
  it("is fetched for every element that it defines", () => {
    const defined = [...elements.matchAll(/customElements\.define\("([^"]+)"/g)].map((match) => match[1]);
    const fetched = site.match(/WALLET_ELEMENTS =\s*"([^"]+)"/)?.[1]?.split(", ");
    expect(fetched?.sort()).toEqual(defined.sort());
  });
});
