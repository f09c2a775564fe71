import htmx from "htmx.org/dist/htmx.esm.js";
import { ensureChain, pageChain, requestThisAccount } from "./connection.ts";
import { RepeatableElement } from "./element.ts";
import { previewFee, showFee } from "./fee.ts";
import { follow } from "./following.ts";
import { isUnsent, Problem, problemFrom } from "./problems.ts";
import {
  type BackerCall,
  backerCall,
  isContract,
  isDone,
  requireCode,
  send,
  simulate,
} from "./transactions.ts";
import type { Call, Hex, Provider } from "./types.ts";

const INDEX_POLL_MILLISECONDS = 1500;

/**
 * `<wallet-call>` beside something that a backer may ask of a campaign's contract: `data-call` names the function.
 * Once the contract has done it, `data-region` of the page is fetched anew until the indexer has seen it and
 * `data-until-gone` matches nothing any more.
 */
export class WalletCall extends RepeatableElement {
  /** A page may have many of these, for one wallet each. */
  protected override get offersOthersAtOnce(): boolean {
    return false;
  }

  protected override ready(): void {
    const place = this.#feePlace;
    if (place) void previewFee(place, this.#chain, this.setting("backer") as Hex, this.#prepare());
  }

  protected override async act(): Promise<void> {
    const chain = this.#chain;
    this.say("connecting");
    const { provider } = await this.pickWallet();
    this.say("connecting");
    await this.asking(requestThisAccount(provider, this.setting("backer"), this.isOtherWanted), provider);
    await this.asking(ensureChain(provider, chain), provider);
    this.say("checking");
    const call = this.#prepare();
    await this.asking(requireCode(provider, chain, [call.to]), provider);
    if (!(await this.#isDone(provider, call))) await this.#ask(provider, call);
    await this.#untilIndexed();
  }

  async #ask(provider: Provider, call: Call): Promise<void> {
    showFee(this.#feePlace, await this.asking(simulate(provider, call, this.#chain), provider), this.#chain);
    this.say("awaiting-signature");
    const hash = await this.#send(provider, call);
    const isByContract = await isContract(provider, call.from);
    if (isByContract) this.say("waiting-for-signers");
    else if (hash) this.say(this.#isAboutMoney ? "refund-sent" : "objection-sent");
    // Asking the contract twice does no harm: it refuses what it has done.
    this.canPress = isByContract || !hash;
    const goal = {
      isReached: () => isDone(provider, this.#name, call),
      missed: new Problem("replaced-or-dropped"),
    };
    const sent = { hash: isByContract ? undefined : hash, sender: call.from };
    await this.asking(follow(provider, sent, goal), provider, () => {});
  }

  /** Undefined when the wallet may have sent it and did not say so. */
  async #send(provider: Provider, call: Call): Promise<Hex | undefined> {
    try {
      return await this.asking(send(provider, call, this.#chain), provider);
    } catch (error) {
      if (isUnsent(error)) throw problemFrom(error);
      this.say("maybe-sent");
      return undefined;
    }
  }

  /** A call that was sent before, from here or elsewhere, has nothing more to send. */
  async #isDone(provider: Provider, call: Call): Promise<boolean> {
    try {
      return await this.asking(isDone(provider, this.#name, call), provider);
    } catch {
      return false;
    }
  }

  get #name(): BackerCall {
    return this.setting("call") as BackerCall;
  }

  get #isAboutMoney(): boolean {
    return this.#name === "refund" || this.#name === "takeBack";
  }

  get #chain() {
    return pageChain(Number(this.setting("chain")));
  }

  get #feePlace(): HTMLElement | null {
    return this.querySelector("[data-network-fee]");
  }

  #prepare(): Call {
    return backerCall(this.#name, this.#chain, this.setting("backer") as Hex, this.setting("address") as Hex);
  }

  async #untilIndexed(): Promise<void> {
    const region = this.setting("region");
    while (document.querySelector(this.setting("untilGone"))) {
      await new Promise((resolve) => setTimeout(resolve, INDEX_POLL_MILLISECONDS));
      await htmx.ajax("get", location.pathname, { target: region, select: region, swap: "outerHTML" });
    }
  }
}
