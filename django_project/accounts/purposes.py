"""What a signature is asked for, and the words that the wallet shows for it.

The words are ASCII in one line, as EIP-4361 wants its statement. Whoever is shown one of them somewhere else
than here has to see at once what would happen, so none but the first speaks of signing in as what is done.
"""

from django.db import models

from django_project.core.addresses import format_address

COSTS_NOTHING = "This costs nothing and moves no money."


class Purpose(models.TextChoices):
    SIGN_IN = "sign_in"
    # By a wallet of the account: another one may be added to it.
    ADD_WALLET = "add_wallet"
    # By that other one: it will belong to the account.
    JOIN_ACCOUNT = "join_account"
    REMOVE_WALLET = "remove_wallet"
    CHANGE_EMAIL = "change_email"
    DELETE_ACCOUNT = "delete_account"


def statement(purpose: Purpose, subject: str) -> str:
    """What the wallet shows; `subject` is the other wallet's checksummed address, or an email address."""
    match purpose:
        case Purpose.SIGN_IN:
            act = "Sign in to ChainFund."
        case Purpose.ADD_WALLET:
            act = (
                f"Add the wallet {subject} to my ChainFund account. "
                "From then on it can open this account and change it."
            )
        case Purpose.JOIN_ACCOUNT:
            act = (
                f"Add this wallet to the ChainFund account of {subject}, for good. "
                "Do not sign unless that account is yours: its owner will see and manage here what is mine."
            )
        case Purpose.REMOVE_WALLET:
            act = (
                f"Remove the wallet {subject} from my ChainFund account. It can no longer open this account."
            )
        case Purpose.CHANGE_EMAIL if subject:
            act = f"Change the email address of my ChainFund account to {masked(subject)}."
        case Purpose.CHANGE_EMAIL:
            act = "Remove the email address of my ChainFund account."
        case Purpose.DELETE_ACCOUNT:
            act = "Delete my ChainFund account now and for good, with all that is kept about it here."
    return f"{act} {COSTS_NOTHING}"


def masked(email: str) -> str:
    """Enough for its owner to know it again: some wallets hand what they sign to a service of their maker."""
    name, _at, host = email.rpartition("@")
    first = name[:1] if name[:1].isalnum() else "*"
    return f"{first}***@{host}"


def subject_of(address: bytes) -> str:
    """A wallet as the subject of a challenge."""
    return format_address(address)
