"""Reads about people."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from django_project.accounts.models import User, Wallet
from django_project.core.addresses import format_address, parse_address
from django_project.core.characters import seen
from django_project.ledger.models import CampaignLaunched, Contribution

# Set at sign-in: the wallet that signed, so that pages know it without a query.
SESSION_WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class Person:
    """What an account tells everybody: nothing that leads to its other wallets."""

    name: str
    bio: str


def person_at(address: bytes) -> Person | None:
    """Who an address is, in one query.

    None for an address without an account and for one whose account is closed or anonymous: nobody is to tell
    them apart.
    """
    user = User.objects.filter(wallets__address=address, is_active=True, anonymous_backer=False).first()
    return None if user is None else Person(name=seen(user.display_name), bio=user.bio)


def wallet_address(request: HttpRequest) -> bytes | None:
    """The wallet this session signed in with; None for visitors and for staff."""
    if not request.user.is_authenticated:
        return None
    text = request.session.get(SESSION_WALLET)
    return parse_address(text) if text else None


def user_key(request: HttpRequest) -> str | None:
    """What the recommender calls the signed-in backer: the wallet's lower-case address."""
    address = wallet_address(request)
    return None if address is None else "0x" + address.hex()


def addresses_of(user: User | AnonymousUser) -> list[bytes]:
    """Every wallet of an account, oldest first."""
    if not isinstance(user, User):
        return []
    return list(Wallet.objects.filter(user=user).values_list("address", flat=True))


def signs_by_contract(address: bytes) -> bool:
    """Whether a contract signed for the address last, deployed or not."""
    return Wallet.objects.filter(address=address, is_contract=True).exists()


def chain_of_first_act(address: bytes) -> int | None:
    """The chain on which an address first gave or launched something; None: the site knows of nothing."""
    acts = [
        model.objects.filter(**{who: address})
        .order_by("block_time", "chain_id")
        .values_list("block_time", "chain_id")
        for model, who in ((Contribution, "backer"), (CampaignLaunched, "creator"))
    ]
    firsts = [first for rows in acts if (first := rows.first()) is not None]
    return min(firsts)[1] if firsts else None


def wallet_texts(user: User | AnonymousUser) -> list[str]:
    """The same, as checksummed text."""
    return [format_address(address) for address in addresses_of(user)]
