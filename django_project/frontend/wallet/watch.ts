import { discoverWallets, rememberedWallet } from "./discovery.ts";
import { say } from "./messages.ts";
import { fateOf, MISSES_UNTIL_GONE } from "./transactions.ts";
import type { Hex } from "./types.ts";

export const WATCH_MILLISECONDS = 4000;

/**
 * `<wallet-watch data-hash>` beside a pledge that is on its way: asks the wallet's own node whether the
 * transaction reverted, was replaced or was dropped, which the indexer alone cannot see.
 */
export class WalletWatch extends HTMLElement {
  #isWatching = false;

  connectedCallback(): void {
    if (this.#isWatching || !this.dataset.hash) return;
    this.#isWatching = true;
    void this.#watch(this.dataset.hash as Hex);
  }

  async #watch(hash: Hex): Promise<void> {
    const provider = rememberedWallet(await discoverWallets())?.provider;
    for (let misses = 0; provider && this.isConnected; ) {
      const fate = await fateOf(provider, hash);
      misses = fate === "missing" ? misses + 1 : 0;
      if (fate === "reverted") return this.#say("mined-reverted");
      if (misses >= MISSES_UNTIL_GONE) return this.#say("replaced-or-dropped");
      await new Promise((resolve) => setTimeout(resolve, WATCH_MILLISECONDS));
    }
  }

  #say(key: "mined-reverted" | "replaced-or-dropped"): void {
    const place = this.querySelector<HTMLElement>("[data-place]");
    if (place) say(place, key);
  }
}
