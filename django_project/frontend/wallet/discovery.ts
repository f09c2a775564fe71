// Which wallets this browser has. Each announces itself (EIP-6963), some late; older ones only own window.ethereum.
import { removeItem, storedItem, storeItem } from "../storage.ts";
import type { Provider, Wallet } from "./types.ts";

const REMEMBERED = "chainfund.wallet";
const LEGACY_PREFIX = "window.ethereum";
/** Extensions answer within a task or two. */
export const DISCOVERY_MILLISECONDS = 250;
/** The wallet used last is waited for, and so is any while there is none. */
export const LATE_MILLISECONDS = 1500;

/** How older wallets tell who they are; most also claim to be MetaMask. */
const FLAGS = {
  isRabby: "Rabby",
  isCoinbaseWallet: "Coinbase Wallet",
  isBraveWallet: "Brave Wallet",
  isTrust: "Trust Wallet",
  isTrustWallet: "Trust Wallet",
  isOkxWallet: "OKX Wallet",
  isImToken: "imToken",
  isTokenPocket: "TokenPocket",
  isFrame: "Frame",
  isMetaMask: "MetaMask",
} as const;

type LegacyProvider = Provider & { [Flag in keyof typeof FLAGS]?: unknown };

declare global {
  interface Window {
    ethereum?: LegacyProvider & { providers?: LegacyProvider[] };
  }
}

function isWallet(value: unknown): value is Wallet {
  const candidate = value as Wallet | undefined;
  return Boolean(candidate?.info?.uuid && candidate.info.rdns && candidate.provider?.request);
}

function legacyWallets(): Wallet[] {
  const root = window.ethereum;
  if (!root) return [];
  const providers = Array.isArray(root.providers) ? root.providers : [root];
  return providers
    .filter((provider) => typeof provider?.request === "function")
    .map((provider) => {
      const flag = Object.keys(FLAGS).find((each) => provider[each as keyof typeof FLAGS]);
      const name = flag ? FLAGS[flag as keyof typeof FLAGS] : "";
      const rdns = `${LEGACY_PREFIX}.${name}`;
      return { info: { uuid: rdns, name, icon: "", rdns }, provider };
    });
}

export function isLegacy(wallet: Wallet): boolean {
  return wallet.info.rdns.startsWith(LEGACY_PREFIX);
}

/** Call `found` for each wallet that announces itself, once; returns how to stop listening. */
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

/** The wallets found so far, and those that come later, until it is stopped. */
export class WalletSearch {
  readonly #announced: Wallet[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #stop: () => void;

  constructor() {
    const stopListening = onWallet((wallet) => {
      this.#announced.push(wallet);
      this.#tell();
    });
    const tell = (): void => this.#tell();
    window.addEventListener("ethereum#initialized", tell);
    this.#stop = () => {
      stopListening();
      window.removeEventListener("ethereum#initialized", tell);
      this.#listeners.clear();
    };
  }

  /** Those that announced themselves, then older ones that are none of them under another name. */
  get wallets(): Wallet[] {
    const isKnown = ({ info, provider }: Wallet): boolean =>
      this.#announced.some(
        (each) => each.provider === provider || (info.name && each.info.name.startsWith(info.name)),
      );
    return [...this.#announced, ...legacyWallets().filter((wallet) => !isKnown(wallet))];
  }

  onMore(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Wait until something holds of the wallets, but no longer than so; says whether it does. */
  async until(holds: (wallets: readonly Wallet[]) => boolean, milliseconds: number): Promise<boolean> {
    if (holds(this.wallets)) return true;
    return new Promise((resolve) => {
      const end = (answer: boolean): void => {
        this.#listeners.delete(look);
        clearTimeout(timer);
        resolve(answer);
      };
      const look = (): void => {
        if (holds(this.wallets)) end(true);
      };
      const timer = setTimeout(() => end(holds(this.wallets)), milliseconds);
      this.#listeners.add(look);
    });
  }

  stop(): void {
    this.#stop();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** The wallet used last, as soon as it is there. */
export async function rememberedWallet(): Promise<Wallet | undefined> {
  if (!isAnyRemembered()) return undefined;
  const search = new WalletSearch();
  await search.until((wallets) => remembered(wallets) !== undefined, LATE_MILLISECONDS);
  search.stop();
  return remembered(search.wallets);
}

/** The wallet used last, if it is among these. */
export function remembered(wallets: readonly Wallet[]): Wallet | undefined {
  const rdns = storedItem(REMEMBERED);
  return wallets.find((wallet) => wallet.info.rdns === rdns);
}

export function isAnyRemembered(): boolean {
  return storedItem(REMEMBERED) !== null;
}

export function rememberWallet(wallet: Wallet): void {
  storeItem(REMEMBERED, wallet.info.rdns);
}

export function forgetWallet(): void {
  removeItem(REMEMBERED);
}
