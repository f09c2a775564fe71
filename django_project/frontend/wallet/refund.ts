import htmx from "htmx.org/dist/htmx.esm.js";
import { ensureChain, pageChain, pickWallet, requestThisAccount } from "./connection.ts";
import { WalletElement } from "./element.ts";
import { mined, refundCall, send, simulate, takeBackCall } from "./transactions.ts";
import type { Hex } from "./types.ts";

const INDEX_POLL_MILLISECONDS = 1500;

/**
 * `<wallet-refund>` beside money that can be had back: calls refund() or takeBack(), as `data-call` says, then waits
 * until the indexer has seen it and `data-until-gone` matches nothing on the page any more.
 */
export class WalletRefund extends WalletElement {
  protected override async act(): Promise<void> {
    const chain = pageChain(Number(this.setting("chain")));
    this.say("connecting");
    const { provider } = await pickWallet(this.choose);
    this.say("connecting");
    const backer = await requestThisAccount(provider, this.setting("backer"));
    await ensureChain(provider, chain);
    this.say("checking");
    const prepare = this.setting("call") === "takeBack" ? takeBackCall : refundCall;
    const call = prepare(backer, this.setting("address") as Hex);
    await simulate(provider, call, chain);
    this.say("awaiting-signature");
    const hash = await send(provider, call);
    this.say("refund-sent");
    await mined(provider, hash);
    await this.#untilIndexed();
  }

  async #untilIndexed(): Promise<void> {
    while (document.querySelector(this.setting("untilGone"))) {
      await new Promise((resolve) => setTimeout(resolve, INDEX_POLL_MILLISECONDS));
      await htmx.ajax("get", location.pathname, {
        target: "#contributions",
        select: "#contributions",
        swap: "outerHTML",
      });
    }
  }
}
