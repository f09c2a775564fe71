// What every page loads: styles, htmx, and the small things that enhance server-rendered HTML.
import "./styles/site.css";
import "htmx.org/dist/htmx.esm.js";
import { startBeacon } from "./beacon/start.ts";
import { announceChanges } from "./elements/announcer.ts";
import "./elements/copy-button.ts";
import { fillInAmounts } from "./elements/pledge-form.ts";
import "./elements/share-button.ts";
import { closeSheetsOnOutsideClick } from "./elements/sheets.ts";
import { showOpenTab } from "./elements/tabs.ts";
import { enhanceThemeForms } from "./elements/theme.ts";
import { copyWholes } from "./elements/whole-copy.ts";
import { unreportedPayments } from "./payments.ts";

enhanceThemeForms();
closeSheetsOnOutsideClick();
fillInAmounts();
showOpenTab();
announceChanges();
copyWholes();

if (document.body.dataset.consent === "granted") startBeacon();

// Wallet code is fetched only where a page has something for a wallet to do.
const WALLET_ELEMENTS =
  "wallet-sign-in, wallet-step-up, wallet-link, wallet-pledge, wallet-call, wallet-watch";
if (document.querySelector(WALLET_ELEMENTS)) {
  void import("./wallet/elements.ts");
}

// Only creators write drafts.
if (document.querySelector("draft-form")) void import("./studio/draft-form.ts");

// Whatever page comes after a payment tells the site of it, if the page before could not.
if (unreportedPayments().length > 0) {
  void import("./reporter.ts").then(({ reportPayments }) => reportPayments());
}
