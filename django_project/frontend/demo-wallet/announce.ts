import type { Provider, Wallet } from "../wallet/types.ts";

const ICON =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#f0b429"/>' +
      '<g fill="none" stroke="#0d3b31" stroke-width="3"><rect x="4" y="8" width="15" height="10" rx="5"/>' +
      '<rect x="13" y="14" width="15" height="10" rx="5"/></g></svg>',
  );

/** Announce by EIP-6963, now and whenever a page asks. */
export function announce(provider: Provider): void {
  const wallet: Wallet = Object.freeze({
    info: Object.freeze({
      uuid: crypto.randomUUID(),
      name: "ChainFund demo wallet",
      icon: ICON,
      rdns: "org.chainfund.demo",
    }),
    provider,
  });
  const tell = (): void => {
    window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: wallet }));
  };
  window.addEventListener("eip6963:requestProvider", tell);
  tell();
}
