import htmx from "htmx.org/dist/htmx.esm.js";
import { ensureChain, pageChain, pickWallet, requestThisAccount } from "./connection.ts";
import { WalletElement } from "./element.ts";
import { previewFee, showFee } from "./fee.ts";
import { type BackerCall, backerCall, mined, send, simulate } from "./transactions.ts";
import type { Call, Hex } from "./types.ts";

const INDEX_POLL_MILLISECONDS = 1500;

/**
 * `<wallet-call>` beside something that a backer may ask of a campaign's contract: `data-call` names the function.
 * Once it is in a block, `data-region` of the page is fetched anew until the indexer has seen it and
 * `data-until-gone` matches nothing any more.
 */
export class WalletCall extends WalletElement {
  protected override ready(): void {
    const place = this.#feePlace;
    if (place) void previewFee(place, this.#chain, this.setting("backer") as Hex, this.#prepare());
  }

  protected override async act(): Promise<void> {
    const chain = this.#chain;
    this.say("connecting");
    const { provider } = await pickWallet(this.choose);
    this.say("connecting");
    await requestThisAccount(provider, this.setting("backer"));
    await ensureChain(provider, chain);
    this.say("checking");
    const call = this.#prepare();
    showFee(this.#feePlace, await simulate(provider, call, chain), chain);
    this.say("awaiting-signature");
    const hash = await send(provider, call);
    this.say(this.#name === "refund" || this.#name === "takeBack" ? "refund-sent" : "objection-sent");
    await mined(provider, hash);
    await this.#untilIndexed();
  }

  get #name(): BackerCall {
    return this.setting("call") as BackerCall;
  }

  get #chain() {
    return pageChain(Number(this.setting("chain")));
  }

  get #feePlace(): HTMLElement | null {
    return this.querySelector("[data-network-fee]");
  }

  #prepare(): Call {
    return backerCall(this.#name, this.setting("backer") as Hex, this.setting("address") as Hex);
  }

  async #untilIndexed(): Promise<void> {
    const region = this.setting("region");
    while (document.querySelector(this.setting("untilGone"))) {
      await new Promise((resolve) => setTimeout(resolve, INDEX_POLL_MILLISECONDS));
      await htmx.ajax("get", location.pathname, { target: region, select: region, swap: "outerHTML" });
    }
  }
}
