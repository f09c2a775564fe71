// What an account does only when one of its wallets has just signed for it.
import { postJson } from "../http.ts";
import { requestAccount, requestOneOf, requestOtherAccount } from "./connection.ts";
import { RepeatableElement } from "./element.ts";
import { askForText, type Signed, sign } from "./signing.ts";
import type { Hex, Provider } from "./types.ts";

/**
 * `<wallet-step-up data-purpose data-subject data-own="0x… 0x…" data-post data-next>`: one of the account's own
 * wallets signs. A field in it (`[data-field]`) is the subject instead.
 */
export class WalletStepUp extends RepeatableElement {
  /** A page has many of these. */
  protected override get offersOthersAtOnce(): boolean {
    return false;
  }

  protected override async act(): Promise<void> {
    const field = this.querySelector<HTMLInputElement>("[data-field]");
    const subject = field ? field.value.trim() : (this.dataset.subject ?? "");
    const isOtherWanted = this.isOtherWanted;
    this.say("connecting");
    const { provider } = await this.pickWallet();
    this.say("connecting");
    const own = requestOneOf(provider, ownWallets(this), isOtherWanted);
    const address = await this.asking(own, provider);
    const purpose = { purpose: this.setting("purpose"), subject };
    const text = await this.asking(askForText(provider, address, purpose), provider);
    this.say("awaiting-signature");
    const signed = await this.asking(sign(provider, text, address), provider);
    this.say("signing-in");
    await postJson(this.setting("post"), signed);
    const next = subject === "" ? this.dataset.nextIfEmpty : undefined;
    location.assign(next ?? this.setting("next"));
  }
}

/**
 * `<wallet-link data-own="0x… 0x…" data-next>`: the new wallet signs that it will belong to the account, then one of
 * the account's own that it may. Between the two the person may have to change the account, or the wallet: the
 * first signature is kept, and the button goes on from there.
 */
export class WalletLink extends RepeatableElement {
  #joining: (Signed & { address: Hex }) | undefined;

  protected override async act(): Promise<void> {
    const [permitting] = ownWallets(this);
    const isOtherWanted = this.isOtherWanted;
    this.say("connecting");
    const { provider } = await this.pickWallet();
    const isOtherPermitting = isOtherWanted && this.#joining !== undefined;
    this.#joining ??= await this.#join(provider, permitting as Hex, isOtherWanted);
    const { address: joined, ...joining } = this.#joining;
    this.say("add-own-wallet", { account: permitting as Hex });
    const address = await this.asking(
      requestOneOf(provider, [permitting as Hex], isOtherPermitting),
      provider,
    );
    const purpose = { purpose: "add_wallet", subject: joined };
    const text = await this.asking(askForText(provider, address, purpose), provider);
    const approval = await this.asking(sign(provider, text, address), provider);
    this.say("signing-in");
    this.#joining = undefined;
    await postJson("/api/v1/account/wallets", { approval, joining });
    location.assign(this.setting("next"));
  }

  async #join(provider: Provider, subject: Hex, isOtherWanted: boolean): Promise<Signed & { address: Hex }> {
    this.say("add-new-wallet");
    let address = await this.asking(
      isOtherWanted ? requestOtherAccount(provider) : requestAccount(provider),
      provider,
    );
    if (ownWallets(this).includes(address)) {
      address = await this.asking(requestOtherAccount(provider), provider);
    }
    const purpose = { purpose: "join_account", subject };
    const text = await this.asking(askForText(provider, address, purpose), provider);
    const signed = await this.asking(sign(provider, text, address), provider);
    return { ...signed, address };
  }
}

function ownWallets(element: HTMLElement): string[] {
  return (element.dataset.own ?? "").split(" ").filter((each) => each !== "");
}
