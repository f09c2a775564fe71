// Doubles for the far side of EIP-1193, shared by the tests.
import type { Hex, Provider, Wallet } from "./wallet/types.ts";

export const BACKER: Hex = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
export const CAMPAIGN: Hex = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
export const HASH: Hex = `0x${"ab".repeat(32)}`;

export const CHAIN = {
  id: 31337,
  name: "Local chain",
  currency: { symbol: "ETH", decimals: 18 },
  rpc_urls: ["http://127.0.0.1:8545"],
  explorer_url: "",
};

export type Reply = unknown | ((params: readonly unknown[]) => unknown);

/** A provider that answers by method, records what it is asked, and throws the Errors among its replies. */
export class ScriptedProvider implements Provider {
  readonly asked: string[] = [];

  constructor(readonly replies: Record<string, Reply>) {}

  async request({ method, params = [] }: { method: string; params?: readonly unknown[] }): Promise<unknown> {
    this.asked.push(method);
    const reply = this.replies[method];
    const value = typeof reply === "function" ? reply(params) : reply;
    if (value instanceof Error) throw value;
    return value ?? null;
  }
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
