import { forgetSettled, SETTLED } from "../payments.ts";
import { reportPayments } from "../reporter.ts";
import { rememberedWallet } from "./discovery.ts";
import { Trail } from "./following.ts";
import { say, sayNothing } from "./messages.ts";
import { isContract } from "./transactions.ts";
import type { Hex } from "./types.ts";

export const WATCH_MILLISECONDS = 4000;

/**
 * `<wallet-watch>` on a pledge's page, beside the region `#pledge-state` that htmx renews: goes on reporting what
 * the wallet sent, and asks the wallet's own node whether the transaction reverted, was replaced or was dropped,
 * which the indexer cannot see.
 */
export class WalletWatch extends HTMLElement {
  #hash: string | undefined;

  connectedCallback(): void {
    void reportPayments();
    this.#look();
    document.addEventListener("htmx:afterSettle", this.#look);
  }

  disconnectedCallback(): void {
    document.removeEventListener("htmx:afterSettle", this.#look);
  }

  readonly #look = (): void => {
    const region = document.getElementById("pledge-state");
    const state = region?.dataset.state ?? "";
    const hash = region?.querySelector<HTMLElement>("[data-watched]")?.dataset.watched ?? "";
    if (SETTLED.includes(state)) forgetSettled(this.dataset.pledge ?? "");
    if (hash === this.#hash) return;
    this.#hash = hash;
    if (this.#place) sayNothing(this.#place);
    if (hash) void this.#watch(hash as Hex);
  };

  async #watch(hash: Hex): Promise<void> {
    const provider = (await rememberedWallet())?.provider;
    const sender = this.dataset.backer as Hex;
    // A contract wallet names a hash of its own making, which no node knows.
    if (!provider || (await isContract(provider, sender).catch(() => true))) return;
    const trail = new Trail(provider, hash, sender);
    while (this.isConnected && this.#hash === hash) {
      const fate = await trail.look();
      if (fate === "reverted") return this.#say("mined-reverted");
      if (fate === "gone") return this.#say("replaced-or-dropped");
      await new Promise((resolve) => setTimeout(resolve, WATCH_MILLISECONDS));
    }
  }

  get #place(): HTMLElement | null {
    return this.querySelector("[data-place]");
  }

  #say(key: "mined-reverted" | "replaced-or-dropped"): void {
    if (this.#place) say(this.#place, key);
  }
}
