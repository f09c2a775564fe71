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
const CHAIN = "chainfund.demo-wallet.chain";
/** Reads that a page may make without anybody being asked; everything else is refused. */
const FORWARDED = new Set([
  "eth_blockNumber",
  "eth_call",
  "eth_estimateGas",
  "eth_gasPrice",
  "eth_getBlockByNumber",
  "eth_getBalance",
  "eth_getCode",
  "eth_getTransactionByHash",
  "eth_getTransactionCount",
  "eth_getTransactionReceipt",
]);

/** A chain of the demo, and the local node that the wallet asks about it. */
export interface DemoChain {
  chain: Chain;
  url: string;
}

/** An EIP-1193 provider in front of the local nodes. One question at a time, as real wallets do. */
export class DemoProvider implements Provider {
  #isAsking = false;
  #nextId = 1;

  constructor(
    private readonly chains: readonly [DemoChain, ...DemoChain[]],
    private readonly asker: Asker,
  ) {}

  async request({ method, params = [] }: { method: string; params?: readonly unknown[] }): Promise<unknown> {
    if (FORWARDED.has(method)) return this.#forward(method, params);
    switch (method) {
      case "eth_chainId":
        return numberToHex(this.#current.chain.id);
      case "eth_accounts":
        return this.#account() ? [this.#account()] : [];
      case "eth_requestAccounts":
        return [await this.#connect()];
      case "wallet_requestPermissions":
        await this.#connect();
        return [{ parentCapability: "eth_accounts" }];
      case "wallet_switchEthereumChain":
      case "wallet_addEthereumChain":
        return this.#switchTo((params[0] as { chainId: string }).chainId);
      case "personal_sign":
        return this.#sign(params as [Hex, Hex]);
      case "eth_signTypedData_v4":
        return this.#signTyped(params as [Hex, string]);
      case "eth_sendTransaction":
        return this.#send(params[0] as { chainId?: string; from: Hex; to: Hex; value?: Hex });
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

  async #signTyped([account, text]: [Hex, string]): Promise<unknown> {
    const data = JSON.parse(text) as { domain: unknown; message: unknown };
    const shown = JSON.stringify({ domain: data.domain, message: data.message }, null, 2);
    await this.#ask({ kind: "sign", account, text: shown });
    return this.#forward("eth_signTypedData_v4", [account, data]);
  }

  async #send(call: { chainId?: string; from: Hex; to: Hex; value?: Hex }): Promise<unknown> {
    const { chain } = this.#current;
    if (call.chainId !== undefined && BigInt(call.chainId) !== BigInt(chain.id)) {
      throw new RpcError(4901, "The demo wallet is on another chain");
    }
    const { symbol, decimals } = chain.currency;
    const value = formatUnits(hexToBigInt(call.value ?? "0x0"), decimals);
    const shown = { text: call.to, value: `${value} ${symbol}`, network: chain.name };
    await this.#ask({ kind: "send", account: call.from, ...shown });
    return this.#forward("eth_sendTransaction", [call]);
  }

  #switchTo(chainId: string): null {
    const found = this.chains.find(({ chain }) => BigInt(chain.id) === BigInt(chainId));
    if (!found) throw new RpcError(4902, "The demo wallet knows only the demo's own chains");
    localStorage.setItem(CHAIN, String(found.chain.id));
    return null;
  }

  get #current(): DemoChain {
    const id = Number(localStorage.getItem(CHAIN));
    return this.chains.find(({ chain }) => chain.id === id) ?? this.chains[0];
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
    const response = await fetch(this.#current.url, {
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
