import { postJson } from "../http.ts";
import { ensureChain, pageChain, pickWallet, requestThisAccount } from "./connection.ts";
import { WalletElement } from "./element.ts";
import { previewFee, showFee } from "./fee.ts";
import { Problem } from "./problems.ts";
import {
  approveCall,
  contributeCall,
  mined,
  NO_REF,
  needsApproval,
  type Pledge,
  send,
  simulate,
} from "./transactions.ts";
import type { Chain, Hex, Provider } from "./types.ts";

interface Intent {
  id: string;
  ref: Hex;
  status_url: string;
}

/**
 * `<wallet-pledge>` on the review page. Everything that can be checked is checked before the wallet opens;
 * the server learns of the pledge before the wallet is asked, so that the transaction can carry its
 * reference. What the browser reports afterwards is a hint: the chain alone confirms.
 */
export class WalletPledge extends WalletElement {
  protected override ready(): void {
    const backer = this.setting("backer") as Hex;
    const call = contributeCall(this.#pledge(backer), NO_REF);
    void previewFee(this.#feePlace, pageChain(Number(this.setting("chain"))), backer, call);
  }

  protected override async act(): Promise<void> {
    const chain = pageChain(Number(this.setting("chain")));
    this.say("connecting");
    const { provider } = await pickWallet(this.choose);
    this.say("connecting");
    const backer = await requestThisAccount(provider, this.setting("backer"));
    await ensureChain(provider, chain);
    this.say("checking");
    const pledge = this.#pledge(backer);
    await this.#approve(provider, pledge, chain);
    showFee(this.#feePlace, await simulate(provider, contributeCall(pledge, NO_REF), chain), chain);
    const intent = await postJson<Intent>("/api/v1/pledges", {
      campaign: this.setting("campaign"),
      amount: this.setting("amount"),
      tier_id: pledge.tierId,
      again: this.dataset.again !== undefined,
    });
    await postJson(`/api/v1/pledges/${intent.id}/opened`, { ref: intent.ref });
    this.say("awaiting-signature");
    const hash = await this.#send(provider, pledge, intent);
    this.say("sent");
    await postJson(`/api/v1/pledges/${intent.id}/submitted`, { tx_hash: hash, ref: intent.ref });
    location.assign(intent.status_url);
  }

  get #feePlace(): Element | null {
    return document.querySelector("[data-network-fee]");
  }

  #pledge(backer: Hex): Pledge {
    return {
      backer,
      campaign: this.setting("address") as Hex,
      token: this.setting("token") as Hex,
      amount: BigInt(this.setting("baseUnits")),
      tierId: Number(this.setting("tier")),
    };
  }

  async #approve(provider: Provider, pledge: Pledge, chain: Chain): Promise<void> {
    const unit = { symbol: this.setting("symbol"), decimals: Number(this.setting("decimals")) };
    if (!(await needsApproval(provider, pledge, unit))) return;
    const call = approveCall(pledge);
    await simulate(provider, call, chain);
    this.say("approve-token");
    const hash = await send(provider, call);
    this.say("approving");
    await mined(provider, hash);
  }

  async #send(provider: Provider, pledge: Pledge, intent: Intent): Promise<Hex> {
    try {
      return await send(provider, contributeCall(pledge, intent.ref));
    } catch (error) {
      if (error instanceof Problem && error.key === "rejected") {
        await postJson(`/api/v1/pledges/${intent.id}/rejected`, { ref: intent.ref });
      }
      throw error;
    }
  }
}
