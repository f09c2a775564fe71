import { hexToNumber, stringToHex } from "viem/utils";
import { postJson } from "../http.ts";
import { pageChains, pickWallet, requestAccount } from "./connection.ts";
import { WalletElement } from "./element.ts";
import { Problem, problemFrom } from "./problems.ts";
import type { Hex, Provider } from "./types.ts";

interface Challenge {
  nonce: string;
  message: string;
}

/** `<wallet-sign-in data-next="/…">`: the server writes the text (EIP-4361), the wallet signs it as it is. `data-post` links it instead. */
export class WalletSignIn extends WalletElement {
  protected override async act(): Promise<void> {
    this.say("connecting");
    const { provider } = await pickWallet(this.choose);
    this.say("connecting");
    const address = await requestAccount(provider);
    const challenge = await postJson<Challenge>("/api/v1/session/challenge", {
      address,
      chain_id: await chainToName(provider),
    });
    this.say("awaiting-signature");
    const signature = await sign(provider, challenge.message, address);
    this.say("signing-in");
    await postJson(this.dataset.post ?? "/api/v1/session", { nonce: challenge.nonce, signature });
    location.assign(this.setting("next"));
  }
}

/** The chain the text names: the wallet's own if the site knows it, else the site's first. */
async function chainToName(provider: Provider): Promise<number> {
  const current = hexToNumber((await provider.request({ method: "eth_chainId" })) as Hex);
  const chains = pageChains();
  const chain = chains.find(({ id }) => id === current) ?? chains[0];
  if (!chain) throw new Problem("node-trouble", { detail: "" });
  return chain.id;
}

async function sign(provider: Provider, message: string, address: Hex): Promise<Hex> {
  try {
    return (await provider.request({
      method: "personal_sign",
      params: [stringToHex(message), address],
    })) as Hex;
  } catch (error) {
    throw problemFrom(error);
  }
}
