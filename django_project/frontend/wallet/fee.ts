// The network fee beside a button, before anything is signed.
import { formatUnits, numberToHex } from "viem/utils";
import { discoverWallets, rememberedWallet } from "./discovery.ts";
import { type Cost, simulate } from "./transactions.ts";
import type { Call, Chain, Hex, Provider } from "./types.ts";

/** Write the fee into its place, if the page has one. */
export function showFee(place: Element | null, cost: Cost, chain: Chain): void {
  const { decimals, symbol } = chain.currency;
  // An estimate: three significant figures say all that it knows.
  const fee = Number(formatUnits(cost.fee, decimals)).toLocaleString("en", { maximumSignificantDigits: 3 });
  if (place) place.textContent = `≈ ${fee} ${symbol}`;
}

/** The same, when the wallet used last will answer without asking the person anything. */
export async function previewFee(
  place: Element | null,
  chain: Chain,
  backer: Hex,
  call: Call,
): Promise<void> {
  try {
    const provider = rememberedWallet(await discoverWallets())?.provider;
    if (provider && (await isReady(provider, chain, backer))) {
      showFee(place, await simulate(provider, call, chain), chain);
    }
  } catch {
    // Only a preview: whatever is wrong is told, with what to do, when the button is pressed.
  }
}

async function isReady(provider: Provider, chain: Chain, backer: Hex): Promise<boolean> {
  const accounts = (await provider.request({ method: "eth_accounts" })) as string[];
  return (
    accounts.some((account) => account.toLowerCase() === backer.toLowerCase()) &&
    (await provider.request({ method: "eth_chainId" })) === numberToHex(chain.id)
  );
}
