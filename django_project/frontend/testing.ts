// Doubles for the far side of EIP-1193, shared by the tests.
import type { Abi } from "viem";
import { decodeFunctionData, encodeFunctionResult, numberToHex, toHex } from "viem/utils";
import { otherTokenFunctions, tokenFunctions } from "./wallet/abi.ts";
import type { Call, Hex, Provider, Wallet } from "./wallet/types.ts";

export const BACKER: Hex = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
export const CAMPAIGN: Hex = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
export const HASH: Hex = `0x${"ab".repeat(32)}`;

/** Code of a contract, as far as pages look at it. */
export const CODE = "0x6080";

export const CHAIN = {
  id: 31337,
  name: "Local chain",
  currency: { symbol: "ETH", decimals: 18 },
  rpc_urls: ["http://127.0.0.1:8545"],
  explorer_url: "",
};

export type Reply = unknown | ((params: readonly unknown[]) => unknown);

/** What a method answers whose wallet never does. */
export const NEVER = new Promise(() => {});

/** A provider that answers by method, records what it is asked, and throws what it was told to throw. */
export class ScriptedProvider implements Provider {
  readonly asked: string[] = [];
  readonly #listeners = new Map<string, Set<(value: unknown) => void>>();

  constructor(readonly replies: Record<string, Reply>) {}

  on(event: string, listener: (value: unknown) => void): void {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(listener));
  }

  removeListener(event: string, listener: (value: unknown) => void): void {
    this.#listeners.get(event)?.delete(listener);
  }

  emit(event: string, value?: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(value);
  }

  async request({ method, params = [] }: { method: string; params?: readonly unknown[] }): Promise<unknown> {
    this.asked.push(method);
    const reply = this.replies[method];
    const value = typeof reply === "function" ? reply(params) : reply;
    if (value instanceof Error || value instanceof Thrown)
      throw value instanceof Thrown ? value.value : value;
    return (await value) ?? null;
  }
}

/** Something thrown that is no Error, as some wallets do. */
export class Thrown {
  constructor(readonly value: unknown) {}
}

/** An error as providers throw it. */
export function rpcError(code: number, message = "", data?: unknown): Error {
  return Object.assign(new Error(message), { code, data });
}

/** Announce a wallet as extensions do; returns how to take it away. */
export function announce(provider: Provider, rdns = "org.example.wallet"): () => void {
  const wallet: Wallet = { info: { uuid: crypto.randomUUID(), name: rdns, icon: "data:,", rdns }, provider };
  const tell = (): void => {
    window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: wallet }));
  };
  window.addEventListener("eip6963:requestProvider", tell);
  return () => window.removeEventListener("eip6963:requestProvider", tell);
}

export const NATIVE_BALANCE = 10n ** 18n;

/** What a node answers about an ordinary account on the page's chain, whose every call succeeds. */
export function nodeReplies(more: Record<string, Reply> = {}): Record<string, Reply> {
  return {
    eth_requestAccounts: [BACKER],
    eth_accounts: [BACKER],
    eth_chainId: numberToHex(CHAIN.id),
    eth_getCode: ([address]: readonly unknown[]) => (address === BACKER ? "0x" : CODE),
    eth_getBalance: numberToHex(NATIVE_BALANCE),
    eth_call: "0x",
    eth_estimateGas: numberToHex(90_000),
    eth_gasPrice: numberToHex(10 ** 9),
    eth_blockNumber: "0x5",
    eth_getBlockByNumber: { timestamp: "0x64" },
    eth_getTransactionCount: "0x0",
    eth_sendTransaction: HASH,
    eth_getTransactionReceipt: { status: "0x1", blockNumber: "0x5" },
    ...more,
  };
}

export const TOKEN: Hex = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512";

const tokenAbi = [...tokenFunctions, ...otherTokenFunctions] as Abi;

/**
 * A token, and a campaign that takes it, behind `eth_call` and `eth_sendTransaction`. `answers` are the token's
 * functions by name; one that it lacks reverts without a word.
 */
export class TokenDouble {
  balance = 10n ** 12n;
  allowance = 0n;
  /** As USDT does: an allowance changes only from or to zero. */
  isStubborn = false;
  readonly sent: Call[] = [];

  constructor(readonly answers: Record<string, unknown> = {}) {}

  get replies(): Record<string, Reply> {
    return nodeReplies({
      eth_call: ([call]: readonly unknown[]) => this.call(call as Call),
      eth_sendTransaction: ([call]: readonly unknown[]) => this.send(call as Call),
    });
  }

  call({ to, data }: Call): unknown {
    if (to !== TOKEN) return "0x";
    const { functionName, args = [] } = decodeFunctionData({ abi: tokenAbi, data });
    if (functionName === "approve")
      return this.#approves(args[1] as bigint) ? toHex(true, { size: 32 }) : REVERT;
    const held = { balanceOf: this.balance, allowance: this.allowance, ...this.answers }[functionName];
    if (held === undefined) return REVERT;
    return encodeFunctionResult({ abi: tokenAbi, functionName, result: held });
  }

  send(call: Call): unknown {
    this.sent.push(call);
    if (call.to !== TOKEN) return HASH;
    const { args = [] } = decodeFunctionData({ abi: tokenAbi, data: call.data });
    this.allowance = args[1] as bigint;
    return HASH;
  }

  #approves(amount: bigint): boolean {
    return !this.isStubborn || this.allowance === 0n || amount === 0n;
  }
}

const REVERT = rpcError(-32000, "execution reverted");
