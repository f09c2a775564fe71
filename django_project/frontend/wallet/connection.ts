// From "which wallet" to "this account, on this chain": the part sign-in, pledges and refunds share.
import { getAddress, numberToHex } from "viem/utils";
import {
  DISCOVERY_MILLISECONDS,
  isAnyRemembered,
  isLegacy,
  LATE_MILLISECONDS,
  remembered,
  rememberWallet,
  WalletSearch,
} from "./discovery.ts";
import {
  hasCode,
  hasWords,
  isRefusal,
  isUnsupported,
  Problem,
  problemFrom,
  REQUEST_PENDING,
  UNAUTHORIZED,
  UNKNOWN_CHAIN,
} from "./problems.ts";
import type { Chain, Hex, Provider, Wallet } from "./types.ts";

/** How long after a switch a wallet may still name the chain it left. */
const SWITCH_POLLS = 5;
const SWITCH_POLL_MILLISECONDS = 200;

export function pageChains(): Chain[] {
  return JSON.parse(document.getElementById("chains")?.textContent ?? "[]") as Chain[];
}

export function pageChain(id: number): Chain {
  const chain = pageChains().find((candidate) => candidate.id === id);
  if (!chain) throw new Error(`the page does not describe chain ${id}`);
  return chain;
}

/** Offers what a search found, and what it still finds; resolves with the person's choice. */
export type ChooseWallet = (search: WalletSearch) => Promise<Wallet>;

/** The wallet to use: the one used last, the only one, or, always if `isAsked`, the one the person chooses. */
export async function pickWallet(choose: ChooseWallet, isAsked = false): Promise<Wallet> {
  const search = new WalletSearch();
  try {
    const wallet = await pick(search, choose, isAsked);
    rememberWallet(wallet);
    return wallet;
  } finally {
    search.stop();
  }
}

async function pick(search: WalletSearch, choose: ChooseWallet, isAsked: boolean): Promise<Wallet> {
  const isWaitedFor = isAnyRemembered();
  await search.until((wallets) => remembered(wallets) !== undefined, DISCOVERY_MILLISECONDS);
  if (isWaitedFor) {
    await search.until((wallets) => remembered(wallets) !== undefined, LATE_MILLISECONDS);
  } else {
    await search.until((wallets) => wallets.length > 0, LATE_MILLISECONDS);
  }
  if (isAsked && search.wallets.length > 0) return choose(search);
  const last = remembered(search.wallets);
  if (last) return last;
  const announced = search.wallets.filter((wallet) => !isLegacy(wallet));
  const [only, ...others] = announced.length > 0 ? announced : search.wallets;
  if (!only) throw new Problem("no-wallet");
  return others.length === 0 ? only : choose(search);
}

async function ask(provider: Provider, method: string, params?: readonly unknown[]): Promise<unknown> {
  return provider.request(params ? { method, params } : { method });
}

function firstAccount(accounts: unknown): Hex | undefined {
  const [account] = Array.isArray(accounts) ? (accounts as string[]) : [];
  return account ? getAddress(account) : undefined;
}

/** Ask for the wallet's account; rejects with a Problem. */
export async function requestAccount(provider: Provider): Promise<Hex> {
  let accounts: unknown;
  try {
    accounts = await ask(provider, "eth_requestAccounts");
  } catch (error) {
    throw problemFrom(error);
  }
  const account = firstAccount(accounts);
  if (!account) throw new Problem("locked");
  return account;
}

/** Have the person choose the account anew, where the wallet can; it goes on with the one it showed elsewhere. */
export async function requestOtherAccount(provider: Provider): Promise<Hex> {
  try {
    await ask(provider, "wallet_requestPermissions", [{ eth_accounts: {} }]);
  } catch (error) {
    if (isRefusal(error) || hasCode(error, REQUEST_PENDING)) throw problemFrom(error);
  }
  return requestAccount(provider);
}

/** The accounts that the wallet shows to this site already; undefined where it can't say. Asks nobody. */
async function shownAccounts(provider: Provider): Promise<string[] | undefined> {
  try {
    const accounts = await ask(provider, "eth_accounts");
    return Array.isArray(accounts) ? accounts.map((account) => String(account).toLowerCase()) : undefined;
  } catch {
    return undefined;
  }
}

export async function exposes(provider: Provider, account: string): Promise<boolean> {
  return (await shownAccounts(provider))?.includes(account.toLowerCase()) ?? false;
}

/** Whether the wallet shows other accounts than this one, or is locked. */
export async function hides(provider: Provider, account: string): Promise<boolean> {
  return (await shownAccounts(provider))?.includes(account.toLowerCase()) === false;
}

/** The account that signed in here; the person is asked only when the wallet does not show it already. */
export async function requestThisAccount(
  provider: Provider,
  expected: string,
  isOtherWanted = false,
): Promise<Hex> {
  return requestOneOf(provider, [expected], isOtherWanted);
}

/** The same for any of some accounts, the first of them best. */
export async function requestOneOf(
  provider: Provider,
  expected: readonly string[],
  isOtherWanted = false,
): Promise<Hex> {
  const shown = await firstShown(provider, expected);
  if (shown) return shown;
  const account = await (isOtherWanted ? requestOtherAccount(provider) : requestAccount(provider));
  if (expected.some((each) => each.toLowerCase() === account.toLowerCase())) return account;
  const now = await firstShown(provider, expected);
  if (now) return now;
  throw new Problem("wrong-account", { account, expected: getAddress(expected[0] ?? account) });
}

async function firstShown(provider: Provider, expected: readonly string[]): Promise<Hex | undefined> {
  const shown = await shownAccounts(provider);
  const found = expected.find((each) => shown?.includes(each.toLowerCase()));
  return found === undefined ? undefined : getAddress(found);
}

/** The chain that the wallet is on, however it spells it: hex of any case, decimal, a number, or CAIP-2. */
export async function currentChainId(provider: Provider): Promise<bigint | undefined> {
  const answer = await ask(provider, "eth_chainId");
  if (typeof answer === "bigint" || (typeof answer === "number" && Number.isInteger(answer))) {
    return BigInt(answer);
  }
  const text =
    typeof answer === "string"
      ? answer
          .trim()
          .toLowerCase()
          .replace(/^eip155:/, "")
      : "";
  return /^(?:0x[0-9a-f]+|[0-9]+)$/.test(text) ? BigInt(text) : undefined;
}

export async function isOn(provider: Provider, chain: Chain): Promise<boolean> {
  return (await currentChainId(provider)) === BigInt(chain.id);
}

/** Move the wallet to the chain, adding it when the wallet does not know it and we may name a node. */
export async function ensureChain(provider: Provider, chain: Chain): Promise<void> {
  if (await isOn(provider, chain)) return;
  try {
    await ask(provider, "wallet_switchEthereumChain", [{ chainId: numberToHex(chain.id) }]);
  } catch (error) {
    if (!isUnknownChain(error)) throw switchProblem(error, chain);
    await addChain(provider, chain);
  }
  for (let polls = 0; polls < SWITCH_POLLS; polls += 1) {
    if (await isOn(provider, chain)) return;
    await new Promise((resolve) => setTimeout(resolve, SWITCH_POLL_MILLISECONDS));
  }
  throw wrongNetwork(chain);
}

/** A wallet that is elsewhere has to be moved by hand. */
export function wrongNetwork(chain: Chain): Problem {
  return new Problem("switch-network", { network: chain.name, id: String(chain.id) });
}

function isUnknownChain(error: unknown): boolean {
  return hasCode(error, UNKNOWN_CHAIN) || hasWords(error, /unrecognized chain/i);
}

/** Only what the person can act upon in another way is told as that; all else ends at choosing it by hand. */
function switchProblem(error: unknown, chain: Chain): Problem {
  const isTheirs = isRefusal(error) || hasCode(error, REQUEST_PENDING, UNAUTHORIZED);
  return isTheirs ? problemFrom(error) : wrongNetwork(chain);
}

async function addChain(provider: Provider, chain: Chain): Promise<void> {
  const byHand = new Problem("add-network-by-hand", { network: chain.name, id: String(chain.id) });
  if (chain.rpc_urls.length === 0) throw byHand;
  const { symbol, decimals } = chain.currency;
  const chainId = numberToHex(chain.id);
  const parameters = {
    chainId,
    chainName: chain.name,
    nativeCurrency: { name: symbol, symbol, decimals },
    rpcUrls: chain.rpc_urls,
    ...(chain.explorer_url && { blockExplorerUrls: [chain.explorer_url] }),
  };
  try {
    await ask(provider, "wallet_addEthereumChain", [parameters]);
  } catch (error) {
    throw isUnsupported(error) ? byHand : switchProblem(error, chain);
  }
  try {
    // Some wallets move by themselves when they add a chain, and then know nothing to switch to.
    if (!(await isOn(provider, chain))) await ask(provider, "wallet_switchEthereumChain", [{ chainId }]);
  } catch (error) {
    throw switchProblem(error, chain);
  }
}
