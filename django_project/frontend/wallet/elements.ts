// The entry of the wallet chunk: fetched only on pages where a wallet has something to do.
import { WalletCall } from "./call.ts";
import { WalletPledge } from "./pledge.ts";
import { WalletSignIn } from "./sign-in.ts";
import { WalletLink, WalletStepUp } from "./step-up.ts";
import { WalletWatch } from "./watch.ts";

customElements.define("wallet-sign-in", WalletSignIn);
customElements.define("wallet-step-up", WalletStepUp);
customElements.define("wallet-link", WalletLink);
customElements.define("wallet-pledge", WalletPledge);
customElements.define("wallet-call", WalletCall);
customElements.define("wallet-watch", WalletWatch);
