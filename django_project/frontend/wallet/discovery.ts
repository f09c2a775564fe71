// Which wallets this browser has (EIP-6963): each announces itself, none owns window.ethereum.
import type { Wallet } from "./types.ts";

const REMEMBERED = "chainfund.wallet";
/** Extensions answer within a task or two; a slow one is still listed when it arrives later. */
export const DISCOVERY_MILLISECONDS = 250;

function isWallet(value: unknown): value is Wallet {
  const candidate = value as Wallet | undefined;
  return Boolean(candidate?.info?.uuid && candidate.info.rdns && candidate.provider?.request);
}

/** Call `found` for each wallet, once; returns how to stop listening. */
export function onWallet(found: (wallet: Wallet) => void): () => void {
  const known = new Set<string>();
  const listen = (event: Event): void => {
    const { detail } = event as CustomEvent<unknown>;
    if (!isWallet(detail) || known.has(detail.info.uuid)) return;
    known.add(detail.info.uuid);
    found(detail);
  };
  window.addEventListener("eip6963:announceProvider", listen);
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  return () => window.removeEventListener("eip6963:announceProvider", listen);
}

/** The wallets that announce themselves within the discovery time, in the order they did. */
export async function discoverWallets(milliseconds = DISCOVERY_MILLISECONDS): Promise<Wallet[]> {
  const wallets: Wallet[] = [];
  const stop = onWallet((wallet) => wallets.push(wallet));
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  stop();
  return wallets;
}

/** The wallet used last, if it is among these. */
export function rememberedWallet(wallets: readonly Wallet[]): Wallet | undefined {
  const rdns = localStorage.getItem(REMEMBERED);
  return wallets.find((wallet) => wallet.info.rdns === rdns);
}

export function rememberWallet(wallet: Wallet): void {
  localStorage.setItem(REMEMBERED, wallet.info.rdns);
}
