import { stringToHex } from "viem/utils";
import { postJson } from "../http.ts";
import { currentChainId, pageChains, requestAccount, requestOtherAccount } from "./connection.ts";
import { RepeatableElement } from "./element.ts";
import { Problem } from "./problems.ts";
import type { Hex, Provider } from "./types.ts";

interface Challenge {
  nonce: string;
  message: string;
}

/** `<wallet-sign-in data-next="/…">`: the server writes the text (EIP-4361), the wallet signs it as it is. `data-post` links it instead. */
export class WalletSignIn extends RepeatableElement {
  protected override async act(): Promise<void> {
    this.say("connecting");
    const isOtherWanted = this.isOtherWanted;
    const { provider } = await this.pickWallet();
    this.say("connecting");
    const account = isOtherWanted ? requestOtherAccount(provider) : requestAccount(provider);
    const address = await this.asking(account, provider);
    const challenge = await postJson<Challenge>("/api/v1/session/challenge", {
      address,
      chain_id: await this.asking(chainToName(provider), provider),
    });
    this.say("awaiting-signature");
    const signature = await this.asking(sign(provider, challenge.message, address), provider);
    this.say("signing-in");
    await postJson(this.dataset.post ?? "/api/v1/session", { nonce: challenge.nonce, signature });
    location.assign(this.setting("next"));
  }
}

/** The chain the text names: the wallet's own if the site knows it, else the site's first. */
async function chainToName(provider: Provider): Promise<number> {
  const current = await currentChainId(provider);
  const chains = pageChains();
  const chain = chains.find(({ id }) => BigInt(id) === current) ?? chains[0];
  if (!chain) throw new Problem("node-trouble", { detail: "" });
  return chain.id;
}

async function sign(provider: Provider, message: string, address: Hex): Promise<Hex> {
  return (await provider.request({
    method: "personal_sign",
    params: [stringToHex(message), address],
  })) as Hex;
}
