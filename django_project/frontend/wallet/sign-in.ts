import { postJson } from "../http.ts";
import { requestAccount, requestOtherAccount } from "./connection.ts";
import { RepeatableElement } from "./element.ts";
import { askForText, sign } from "./signing.ts";

/** `<wallet-sign-in data-next="/…">` */
export class WalletSignIn extends RepeatableElement {
  protected override async act(): Promise<void> {
    this.say("connecting");
    const isOtherWanted = this.isOtherWanted;
    const { provider } = await this.pickWallet();
    this.say("connecting");
    const account = isOtherWanted ? requestOtherAccount(provider) : requestAccount(provider);
    const address = await this.asking(account, provider);
    const text = await this.asking(askForText(provider, address), provider);
    this.say("awaiting-signature");
    const signed = await this.asking(sign(provider, text, address), provider);
    this.say("signing-in");
    await postJson("/api/v1/session", signed);
    location.assign(this.setting("next"));
  }
}
