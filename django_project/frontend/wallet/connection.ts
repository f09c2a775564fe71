// From "which wallet" to "this account, on this chain": the part sign-in, pledges and refunds share.
import { getAddress, numberToHex } from "viem/utils";
import { discoverWallets, rememberedWallet, rememberWallet } from "./discovery.ts";
import { errorCode, Problem, problemFrom, UNKNOWN_CHAIN } from "./problems.ts";
import type { Chain, Hex, Provider, Wallet } from "./types.ts";

export function pageChains(): Chain[] {
  return JSON.parse(document.getElementById("chains")?.textContent ?? "[]") as Chain[];
}

export function pageChain(id: number): Chain {
  const chain = pageChains().find((candidate) => candidate.id === id);
  if (!chain) throw new Error(`the page does not describe chain ${id}`);
  return chain;
}

export type ChooseWallet = (wallets: Wallet[]) => Promise<Wallet>;

/** The wallet to use: the one used last, the only one, or the one the person chooses. */
export async function pickWallet(choose: ChooseWallet): Promise<Wallet> {
  const wallets = await discoverWallets();
  const [only, ...others] = wallets;
  if (!only) throw new Problem("no-wallet");
  const wallet = rememberedWallet(wallets) ?? (others.length === 0 ? only : await choose(wallets));
  rememberWallet(wallet);
  return wallet;
}

/** Ask for the wallet's account; rejects with a Problem. */
export async function requestAccount(provider: Provider): Promise<Hex> {
  let accounts: unknown;
  try {
    accounts = await provider.request({ method: "eth_requestAccounts" });
  } catch (error) {
    throw problemFrom(error);
  }
  const [account] = Array.isArray(accounts) ? (accounts as string[]) : [];
  if (!account) throw new Problem("locked");
  return getAddress(account);
}

/** The same, held to the account that signed in here. */
export async function requestThisAccount(provider: Provider, expected: string): Promise<Hex> {
  const account = await requestAccount(provider);
  if (account.toLowerCase() !== expected.toLowerCase()) {
    throw new Problem("wrong-account", { account, expected: getAddress(expected) });
  }
  return account;
}

/** Move the wallet to the chain, adding it when the wallet does not know it and we may name a node. */
export async function ensureChain(provider: Provider, chain: Chain): Promise<void> {
  const wanted = numberToHex(chain.id);
  if ((await provider.request({ method: "eth_chainId" })) === wanted) return;
  const values = { network: chain.name, id: String(chain.id) };
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
  } catch (error) {
    if (errorCode(error) !== UNKNOWN_CHAIN) throw problemFrom(error);
    if (chain.rpc_urls.length === 0) throw new Problem("add-network-by-hand", values);
    await addChain(provider, chain, wanted);
  }
  if ((await provider.request({ method: "eth_chainId" })) !== wanted)
    throw new Problem("switch-network", values);
}

async function addChain(provider: Provider, chain: Chain, chainId: Hex): Promise<void> {
  const { symbol, decimals } = chain.currency;
  const parameters = {
    chainId,
    chainName: chain.name,
    nativeCurrency: { name: symbol, symbol, decimals },
    rpcUrls: chain.rpc_urls,
    ...(chain.explorer_url && { blockExplorerUrls: [chain.explorer_url] }),
  };
  try {
    await provider.request({ method: "wallet_addEthereumChain", params: [parameters] });
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  } catch (error) {
    throw problemFrom(error);
  }
}
