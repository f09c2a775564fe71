// Links that open a page in the browser inside a wallet's app; who lacks the app is led to where it is had.

type DeepLink = (page: URL) => string;

/** By the name that `data-open-in` gives the app in web/partials/wallet_messages.html. */
export const DEEP_LINKS = {
  // The app puts https:// before all that follows /dapp/, so nothing of it is encoded once more.
  // https://docs.metamask.io/metamask-connect/evm/guides/metamask-exclusive/use-deeplinks/
  metamask: ({ host, pathname, search, hash }) =>
    `https://link.metamask.io/dapp/${host}${pathname}${search}${hash}`,
  // 60 is Ethereum's coin type (SLIP-44), which stands for all chains of its kind.
  // https://developer.trustwallet.com/developer/develop-for-trust/deeplinking
  "trust-wallet": ({ href }) =>
    `https://link.trustwallet.com/open_url?coin_id=60&url=${encodeURIComponent(href)}`,
  // https://docs.cdp.coinbase.com/coinbase-wallet/developer-guidance/mobile-dapp-integration
  "coinbase-wallet": ({ href }) => `https://go.cb-w.com/dapp?cb_url=${encodeURIComponent(href)}`,
} as const satisfies Record<string, DeepLink>;
export type WalletApp = keyof typeof DEEP_LINKS;

/** Point each `a[data-open-in]` within at `page`, inside the app that it names. */
export function fillDeepLinks(within: ParentNode, page: URL): void {
  for (const link of within.querySelectorAll<HTMLAnchorElement>("a[data-open-in]")) {
    link.href = DEEP_LINKS[link.dataset.openIn as WalletApp](page);
  }
}
