import { describe, expect, it } from "vitest";
import page from "../../templates/web/partials/wallet_messages.html?raw";
import { campaignErrors, tokenErrors } from "./abi.ts";
import { say } from "./messages.ts";
import { MESSAGE_KEYS } from "./problems.ts";

const told = [...page.matchAll(/<template data-message="([^"]+)"/g)].map((match) => match[1]);

describe("the words of the wallet's states", () => {
  it("are all there, and no more", () => {
    const reverts = [...campaignErrors, ...tokenErrors].map((error) => `revert:${error.name}`);
    expect(told.sort()).toEqual([...MESSAGE_KEYS, ...reverts, "revert:unknown"].sort());
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
});
