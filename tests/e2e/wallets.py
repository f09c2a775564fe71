"""Wallets put into a page as extensions do, each told beforehand what to answer."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route

RDNS = "org.example.scripted"
SILENCE = "silence"

# Answers what it was told to, refuses what it was told to, and passes everything else to the node. What it
# was told to answer after a method takes the place of what it was told before.
_SCRIPT = """
((told) => {
  const request = async ({ method, params = [] }) => {
    window.asked = [...(window.asked ?? []), method];
    const refusal = told.refusals[method];
    if (refusal) throw Object.assign(new Error(refusal.message ?? ""), refusal);
    for (const [later, answer] of Object.entries(told.afterwards[method] ?? {})) {
      if (answer?.code) told.refusals[later] = answer;
      else {
        told.answers[later] = answer;
        delete told.refusals[later];
      }
    }
    if (method in told.answers) return told.answers[method];
    if (told.acts.includes(method)) return window.scriptedWallet(method, params);
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "Content-Type": "application/json" };
    const reply = await (await fetch(told.node, { method: "POST", headers, body })).json();
    if (reply.error) throw Object.assign(new Error(reply.error.message), reply.error);
    const loss = told.losses[method];
    if (loss === "silence") return new Promise(() => {});
    if (loss) throw Object.assign(new Error(loss.message ?? ""), loss);
    return reply.result;
  };
  const info = { uuid: told.rdns, name: "Scripted wallet", icon: "data:,", rdns: told.rdns };
  const announce = () => window.dispatchEvent(
    new CustomEvent("eip6963:announceProvider", { detail: { info, provider: { request } } }),
  );
  window.addEventListener("eip6963:requestProvider", announce);
  localStorage.setItem("chainfund.wallet", told.rdns);
})(%s);
"""


def refusal(code: int, message: str = "") -> dict[str, Any]:
    return {"code": code, "message": message}


def install(
    page: Page,
    node: str,
    account: str,
    *,
    refusals: dict[str, dict[str, Any]] | None = None,
    answers: dict[str, Any] | None = None,
    afterwards: dict[str, dict[str, Any]] | None = None,
    acts: Callable[[str, list[Any]], Any] | None = None,
    losses: dict[str, dict[str, Any] | str] | None = None,
) -> None:
    """Give the page's next documents a wallet of `account` on the chain behind the `node` URL.

    `afterwards` is {method: answers and refusals that hold once it was asked for}; `acts` signs and sends in
    the node's place, told the method and its parameters. `losses` is {method: what the page hears in place of
    the answer once it was done}: SILENCE, or an error.
    """
    if acts is not None:
        page.expose_function("scriptedWallet", acts)
    told = {
        "node": node,
        "rdns": RDNS,
        "refusals": refusals or {},
        "answers": {"eth_requestAccounts": [account], "eth_accounts": [account], **(answers or {})},
        "afterwards": afterwards or {},
        "losses": losses or {},
        "acts": ["personal_sign", "eth_sendTransaction"] if acts else [],
    }
    page.add_init_script(_SCRIPT % json.dumps(told))


def asked(page: Page) -> list[str]:
    """The methods that the page has asked the wallet for, in order."""
    methods: list[str] = page.evaluate("window.asked ?? []")
    return methods


def take_demo_wallet_away(page: Page) -> None:
    """Serve an empty script in place of the demo wallet's."""

    def nothing(route: Route) -> None:
        route.fulfill(body="", content_type="text/javascript")

    page.route("**/assets/demo-wallet-*.js", nothing)
