import { discoverWallets, rememberedWallet } from "./discovery.ts";
import { say } from "./messages.ts";
import { receiptOf } from "./transactions.ts";
import type { Hex, Provider } from "./types.ts";

export const WATCH_MILLISECONDS = 4000;
/** A node that has just taken a transaction may not show it at once; missing this often means it is gone. */
export const MISSES_UNTIL_GONE = 3;

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

/** What the wallet's node knows of a transaction now; trouble with the node counts as waiting. */
export async function fateOf(
  provider: Provider,
  hash: Hex,
): Promise<"waiting" | "mined" | "reverted" | "missing"> {
  try {
    const receipt = await receiptOf(provider, hash);
    if (receipt) return receipt.status === "0x1" ? "mined" : "reverted";
    const found = await provider.request({ method: "eth_getTransactionByHash", params: [hash] });
    return found ? "waiting" : "missing";
  } catch {
    return "waiting";
  }
}
