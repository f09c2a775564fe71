// The parts of EIP-1193 and EIP-6963 that the site speaks.

export type Hex = `0x${string}`;

export interface Provider {
  request(call: { method: string; params?: readonly unknown[] }): Promise<unknown>;
  on?(event: string, listener: (value: unknown) => void): void;
  removeListener?(event: string, listener: (value: unknown) => void): void;
}

export interface WalletInfo {
  uuid: string;
  name: string;
  icon: string;
  rdns: string;
}

export interface Wallet {
  info: WalletInfo;
  provider: Provider;
}

/** A chain as the page describes it in `#chains`; `rpc_urls` holds only URLs that may be told to anyone. */
export interface Chain {
  id: number;
  name: string;
  currency: { symbol: string; decimals: number };
  rpc_urls: string[];
  explorer_url: string;
}

/** A call to a contract, in the shape of eth_call and eth_sendTransaction. */
export interface Call {
  chainId: Hex;
  from: Hex;
  to: Hex;
  data: Hex;
  value: Hex;
}
