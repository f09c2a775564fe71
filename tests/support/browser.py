"""A browser's side of the JSON API, on Django's test client: session, CSRF token, wallet."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from django.test import Client
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from tests.factories import CHAIN_ID

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Reply

CHALLENGE = "/api/v1/session/challenge"
WALLETS = "/api/v1/account/wallets"
REMOVAL = "/api/v1/account/wallets/removal"
EMAIL = "/api/v1/account/email"
DELETION = "/api/v1/account/deletion"
SESSION = "/api/v1/session"
ORIGIN = "http://testserver"


def wallet(number: int) -> LocalAccount:
    """A different key pair for each number, from 1."""
    account: LocalAccount = Account.from_key(number.to_bytes(32))
    return account


def error_code(reply: "Reply") -> str:
    """The machine-readable part of a refusal."""
    return str(reply.json()["error"]["code"])


class Browser:
    """One browser with its cookies; CSRF is enforced as for a real one."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.csrf_token = ""

    def get(self, url: str, **headers: str) -> "Reply":
        return self.client.get(url, headers=headers)

    def post(self, url: str, body: Mapping[str, object] | None = None, **headers: str) -> "Reply":
        if not self.csrf_token:
            self.refresh_csrf()
        return self.client.post(
            url,
            body or {},
            content_type="application/json",
            headers={"X-CSRFToken": self.csrf_token, **headers},
        )

    def delete(self, url: str) -> "Reply":
        return self.client.delete(url, headers={"X-CSRFToken": self.csrf_token})

    def refresh_csrf(self) -> None:
        self.csrf_token = self.client.get(SESSION).json()["csrf_token"]

    def challenge(self, account: LocalAccount, chain_id: int) -> dict[str, str]:
        return self.challenge_for(account.address, chain_id)

    def challenge_for(self, address: str, chain_id: int) -> dict[str, str]:
        reply = self.post(CHALLENGE, {"address": address, "chain_id": chain_id})
        assert reply.status_code == 201, reply.content
        challenge: dict[str, str] = reply.json()
        return challenge

    def sign_in(self, account: LocalAccount, chain_id: int) -> "Reply":
        """Sign in with a key."""
        return self.sign_in_by(account.address, chain_id, lambda text: sign(account, text))

    def sign_in_by(self, address: str, chain_id: int, sign_text: Callable[[str], str]) -> "Reply":
        """Challenge, sign, post; the CSRF token is renewed afterwards, as the sign-in rotates it."""
        challenge = self.challenge_for(address, chain_id)
        reply = self.post(
            SESSION, {"nonce": challenge["nonce"], "signature": sign_text(challenge["message"])}
        )
        self.refresh_csrf()
        return reply

    def ask(self, address: str, purpose: str, subject: str = "", chain_id: int = CHAIN_ID) -> "Reply":
        """Ask for the text of an act."""
        wanted = {"address": address, "chain_id": chain_id, "purpose": purpose, "subject": subject}
        return self.post(CHALLENGE, wanted)

    def signed(
        self, account: LocalAccount, purpose: str, subject: str = "", chain_id: int = CHAIN_ID
    ) -> dict[str, str]:
        """The signature of the text of an act."""
        reply = self.ask(account.address, purpose, subject, chain_id)
        assert reply.status_code == 201, reply.content
        challenge = reply.json()
        return {"nonce": challenge["nonce"], "signature": sign(account, challenge["message"])}

    def link(self, own: LocalAccount, new: LocalAccount) -> "Reply":
        joining = self.signed(new, "join_account", own.address)
        approval = self.signed(own, "add_wallet", new.address)
        return self.post(WALLETS, {"approval": approval, "joining": joining})

    def beacon(self, events: list[dict[str, object]], **headers: str) -> "Reply":
        """As `navigator.sendBeacon` posts: no CSRF header, the browser's own Origin."""
        headers = headers or {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        return self.client.post(
            "/api/v1/beacon", {"events": events}, content_type="application/json", headers=headers
        )


def sign(account: LocalAccount, message: str) -> str:
    """`personal_sign`, as a wallet does it."""
    return "0x" + bytes(account.sign_message(encode_defunct(text=message)).signature).hex()
