// Loaded in demo mode only: announces a wallet whose accounts the local node holds unlocked.
import "./demo-wallet.css";
import type { Chain } from "../wallet/types.ts";
import { announce } from "./announce.ts";
import { WalletDialog } from "./dialog.ts";
import { DemoProvider } from "./provider.ts";

export interface DemoAccount {
  address: string;
  label: string;
}

function pageJson<Value>(id: string, fallback: Value): Value {
  const text = document.getElementById(id)?.textContent;
  return text ? (JSON.parse(text) as Value) : fallback;
}

const accounts = pageJson<DemoAccount[]>("demo-accounts", []);
const [first, ...others] = pageJson<Chain[]>("chains", []).flatMap((chain) => {
  const [url] = chain.rpc_urls;
  return url ? [{ chain, url }] : [];
});
if (first && accounts.length > 0) {
  announce(new DemoProvider([first, ...others], new WalletDialog(accounts)));
}
