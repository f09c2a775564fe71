// The network fee beside a button, before anything is signed.
import { formatUnits } from "viem/utils";
import { exposes, isOn } from "./connection.ts";
import { rememberedWallet } from "./discovery.ts";
import { type Cost, simulate } from "./transactions.ts";
import type { Call, Chain, Hex } from "./types.ts";

/** Write the fee into its place, if the page has one and the fee is known. */
export function showFee(place: Element | null, cost: Cost | undefined, chain: Chain): void {
  if (!place || !cost) return;
  const { decimals, symbol } = chain.currency;
  // An estimate: three significant figures say all that it knows.
  const fee = Number(formatUnits(cost.fee, decimals)).toLocaleString("en", { maximumSignificantDigits: 3 });
  place.textContent = `≈ ${fee} ${symbol}`;
}

/** The same, when the wallet used last will answer without asking the person anything. */
export async function previewFee(
  place: Element | null,
  chain: Chain,
  backer: Hex,
  call: Call,
): Promise<void> {
  try {
    const provider = (await rememberedWallet())?.provider;
    if (provider && (await exposes(provider, backer)) && (await isOn(provider, chain))) {
      showFee(place, await simulate(provider, call, chain), chain);
    }
  } catch {
    // Only a preview: whatever is wrong is told, with what to do, when the button is pressed.
  }
}
