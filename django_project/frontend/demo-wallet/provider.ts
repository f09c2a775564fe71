import { formatUnits, hexToBigInt, hexToString, numberToHex } from "viem/utils";
import type { Chain, Hex, Provider } from "../wallet/types.ts";
import type { Answer, Asked } from "./dialog.ts";

export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
  }
}

/** Asks the person; resolves with the account they chose, or undefined when they said no. */
export interface Asker {
  ask(question: Asked): Promise<Answer | undefined>;
}

const CHOSEN = "chainfund.demo-wallet.account";
/** Reads that a page may make without anybody being asked; everything else is refused. */
const FORWARDED = new Set([
  "eth_blockNumber",
  "eth_call",
  "eth_estimateGas",
  "eth_gasPrice",
  "eth_getBalance",
  "eth_getTransactionByHash",
  "eth_getTransactionCount",
  "eth_getTransactionReceipt",
]);

/** An EIP-1193 provider in front of the local node. One question at a time, as real wallets do. */
export class DemoProvider implements Provider {
  #isAsking = false;
  #nextId = 1;

  constructor(
    private readonly chain: Chain,
    private readonly url: string,
    private readonly asker: Asker,
  ) {}

  async request({ method, params = [] }: { method: string; params?: readonly unknown[] }): Promise<unknown> {
    if (FORWARDED.has(method)) return this.#forward(method, params);
    switch (method) {
      case "eth_chainId":
        return numberToHex(this.chain.id);
      case "eth_accounts":
        return this.#account() ? [this.#account()] : [];
      case "eth_requestAccounts":
        return [await this.#connect()];
      case "wallet_switchEthereumChain":
      case "wallet_addEthereumChain":
        return this.#switchTo((params[0] as { chainId: string }).chainId);
      case "personal_sign":
        return this.#sign(params as [Hex, Hex]);
      case "eth_sendTransaction":
        return this.#send(params[0] as { from: Hex; to: Hex; value?: Hex });
      default:
        throw new RpcError(4200, `The demo wallet does not support ${method}`);
    }
  }

  #account(): string | null {
    return localStorage.getItem(CHOSEN);
  }

  async #connect(): Promise<string> {
    const { account } = await this.#ask({ kind: "connect", account: this.#account() ?? undefined });
    localStorage.setItem(CHOSEN, account);
    return account;
  }

  async #sign([message, account]: [Hex, Hex]): Promise<unknown> {
    await this.#ask({ kind: "sign", account, text: hexToString(message) });
    return this.#forward("personal_sign", [message, account]);
  }

  async #send(call: { from: Hex; to: Hex; value?: Hex }): Promise<unknown> {
    const { symbol, decimals } = this.chain.currency;
    const value = formatUnits(hexToBigInt(call.value ?? "0x0"), decimals);
    await this.#ask({ kind: "send", account: call.from, text: call.to, value: `${value} ${symbol}` });
    return this.#forward("eth_sendTransaction", [call]);
  }

  #switchTo(chainId: string): null {
    if (BigInt(chainId) !== BigInt(this.chain.id)) {
      throw new RpcError(4902, "The demo wallet knows only the demo's own chain");
    }
    return null;
  }

  async #ask(question: Asked): Promise<Answer> {
    if (this.#isAsking) throw new RpcError(-32002, "The demo wallet is already asking something");
    this.#isAsking = true;
    try {
      const answer = await this.asker.ask(question);
      if (!answer) throw new RpcError(4001, "Rejected in the demo wallet");
      return answer;
    } finally {
      this.#isAsking = false;
    }
  }

  async #forward(method: string, params: readonly unknown[]): Promise<unknown> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: this.#nextId++, method, params }),
    });
    const reply = (await response.json()) as {
      result?: unknown;
      error?: { code: number; message: string; data?: unknown };
    };
    if (reply.error) throw new RpcError(reply.error.code, reply.error.message, reply.error.data);
    return reply.result;
  }
}
