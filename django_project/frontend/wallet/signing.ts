// A text that the server writes (EIP-4361) and the wallet signs as it is.
import { stringToHex } from "viem/utils";
import { postJson } from "../http.ts";
import { currentChainId, pageChains } from "./connection.ts";
import { Problem } from "./problems.ts";
import type { Hex, Provider } from "./types.ts";

interface Challenge {
  nonce: string;
  message: string;
}

/** What the server takes as proof. */
export interface Signed {
  nonce: string;
  signature: Hex;
}

/** What a signature is asked for, beside signing in, and what that is about. */
export interface Purpose {
  purpose: string;
  subject: string;
}

export async function askForText(provider: Provider, address: Hex, purpose?: Purpose): Promise<Challenge> {
  const wanted = { address, chain_id: await chainToName(provider), ...purpose };
  return postJson<Challenge>("/api/v1/session/challenge", wanted);
}

export async function sign(provider: Provider, { nonce, message }: Challenge, address: Hex): Promise<Signed> {
  const signature = await provider.request({
    method: "personal_sign",
    params: [stringToHex(message), address],
  });
  return { nonce, signature: signature as Hex };
}

/** The chain the text names: the wallet's own if the site knows it, else the site's first. */
async function chainToName(provider: Provider): Promise<number> {
  const current = await currentChainId(provider);
  const chains = pageChains();
  const chain = chains.find(({ id }) => BigInt(id) === current) ?? chains[0];
  if (!chain) throw new Problem("node-trouble", { detail: "" });
  return chain.id;
}
