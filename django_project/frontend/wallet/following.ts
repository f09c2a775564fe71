// What becomes of a transaction that a wallet says it sent. Its hash is a hint: wallets replace transactions, and
// nodes forget them; so the goal decides, then the sender's nonce, and what is waited for is blocks.
import { hexToNumber } from "viem/utils";
import { Problem } from "./problems.ts";
import type { Hex, Provider } from "./types.ts";

export const POLL_MILLISECONDS = 1000;
/** Nodes behind one address are some blocks apart: one may show a used nonce before its receipt. */
export const BLOCKS_UNTIL_REPLACED = 3;
/** A pool may be shared slowly, and a wallet sends again what its node lost. */
export const BLOCKS_UNTIL_DROPPED = 20;

/** The same for what a mined transaction should have brought about, on a chain whose blocks do not come. */
export const LOOKS_UNTIL_MISSED = 15;

export type Fate = "waiting" | "mined" | "reverted" | "gone";

interface Receipt {
  status: Hex;
}

/** One sender's transaction, as the wallet's node shows it from look to look. */
export class Trail {
  #nonce: number | undefined;
  #missingSince: number | undefined;
  #replacedSince: number | undefined;

  constructor(
    private readonly provider: Provider,
    private readonly hash: Hex,
    private readonly sender: Hex,
  ) {}

  /** Trouble with the node counts as waiting. */
  async look(): Promise<Fate> {
    try {
      return await this.#look();
    } catch {
      return "waiting";
    }
  }

  async #look(): Promise<Fate> {
    const receipt = await this.#ask<Receipt | null>("eth_getTransactionReceipt", this.hash);
    if (receipt) return receipt.status === "0x0" ? "reverted" : "mined";
    const found = await this.#ask<{ nonce?: Hex } | null>("eth_getTransactionByHash", this.hash);
    const block = hexToNumber(await this.#ask<Hex>("eth_blockNumber"));
    if (found?.nonce !== undefined) this.#nonce = hexToNumber(found.nonce);
    if (await this.#isNonceUsed()) {
      this.#replacedSince ??= block;
      return block - this.#replacedSince >= BLOCKS_UNTIL_REPLACED ? "gone" : "waiting";
    }
    this.#replacedSince = undefined;
    if (found) {
      this.#missingSince = undefined;
      return "waiting";
    }
    this.#missingSince ??= block;
    return block - this.#missingSince >= BLOCKS_UNTIL_DROPPED ? "gone" : "waiting";
  }

  async #isNonceUsed(): Promise<boolean> {
    if (this.#nonce === undefined) return false;
    const used = await this.#ask<Hex>("eth_getTransactionCount", this.sender, "latest");
    return hexToNumber(used) > this.#nonce;
  }

  async #ask<Answer>(method: string, ...params: readonly unknown[]): Promise<Answer> {
    return (await this.provider.request({ method, params })) as Answer;
  }
}

export interface Goal {
  /** Whether what the transaction was for has come about, by whatever transaction. */
  isReached: () => Promise<boolean>;
  /** What to say when the transaction was mined and the goal still is not reached. */
  missed: Problem;
}

/**
 * Wait until the goal is reached; rejects with a Problem when the transaction reverted, is gone, or was mined
 * in vain. A contract wallet's hash is its own affair (`hash` undefined): its goal alone is waited for.
 */
export async function follow(
  provider: Provider,
  sent: { hash: Hex | undefined; sender: Hex },
  { isReached, missed }: Goal,
): Promise<void> {
  const trail = sent.hash && new Trail(provider, sent.hash, sent.sender);
  let minedAt: number | undefined;
  for (let looks = 0; ; ) {
    if (await isReached().catch(() => false)) return;
    const fate = trail ? await trail.look() : "waiting";
    if (fate === "reverted") throw new Problem("mined-reverted");
    if (fate === "gone") throw new Problem("replaced-or-dropped");
    if (fate === "mined") {
      const block = await blockNumber(provider);
      minedAt ??= block;
      looks += 1;
      const blocks = minedAt === undefined || block === undefined ? 0 : block - minedAt;
      if (blocks >= BLOCKS_UNTIL_REPLACED || looks >= LOOKS_UNTIL_MISSED) throw missed;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

async function blockNumber(provider: Provider): Promise<number | undefined> {
  try {
    return hexToNumber((await provider.request({ method: "eth_blockNumber" })) as Hex);
  } catch {
    return undefined;
  }
}
