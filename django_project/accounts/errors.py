"""Why a sign-in, or an act that needs a signature, is refused."""

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from django_project.core.errors import ConflictError, InvalidInputError, RefusedError, UnavailableError


class UnknownChainError(InvalidInputError):
    def __init__(self) -> None:
        super().__init__(
            "unknown_chain",
            _("This site does not know your wallet's network. Switch networks and try again."),
        )


class ChallengeError(RefusedError):
    """The nonce is unknown, used, too old, or of another browser, purpose or account; which is not told."""

    def __init__(self) -> None:
        super().__init__(
            "challenge_not_usable", _("This request is too old or was used before. Start again.")
        )


class WrongSignatureError(RefusedError):
    def __init__(self) -> None:
        super().__init__(
            "wrong_signature",
            _("The signature is not from the account you chose. Switch to it in your wallet and try again."),
        )


class SignaturePendingError(ConflictError):
    """A contract wallet's signers have not confirmed on the chain so far; the challenge stays good."""

    def __init__(self) -> None:
        super().__init__(
            "signature_pending",
            _(
                "Your wallet has not confirmed the signature on the network yet. Try again here, in this "
                "browser, when its other signers have confirmed: the request stays valid for a day."
            ),
        )


class WalletOnOtherChainError(RefusedError):
    """A contract wallet whose account belongs to its code on another chain."""

    def __init__(self, network: str) -> None:
        super().__init__(
            "wallet_on_other_network",
            format_lazy(
                _("This wallet is known here from {network}. Switch your wallet to it and try again."),
                network=network,
            ),
        )


class NotYourWalletError(RefusedError):
    """Of the account, only a wallet that belongs to it and stays may permit an act."""

    def __init__(self) -> None:
        super().__init__(
            "not_your_wallet",
            _("The wallet you chose does not fit. Choose a wallet of this account, or a new one to add."),
        )


class SubjectError(InvalidInputError):
    """What an act is to be about is nothing of the kind."""

    def __init__(self) -> None:
        super().__init__("invalid_subject", _("Check the address and try again."))


class NodeUnreachableError(UnavailableError):
    """No node could say whether a contract wallet signed; the challenge is spent all the same."""

    def __init__(self) -> None:
        super().__init__(
            "node_unreachable",
            _("We could not ask the network about your wallet's signature. Start again in a moment."),
        )


class AccountRefusedError(RefusedError):
    """A staff account, which never signs in by wallet, or one that was switched off."""

    def __init__(self) -> None:
        super().__init__("account_refused", _("This account cannot sign in with a wallet."))


class WalletTakenError(ConflictError):
    """The address proved itself to another account before."""

    def __init__(self) -> None:
        super().__init__(
            "wallet_taken",
            _("This wallet belongs to another account. Sign in with it and unlink or delete that one first."),
        )


class WalletInUseError(ConflictError):
    """An account keeps the wallet of this session, else nobody could come back to it."""

    def __init__(self) -> None:
        super().__init__(
            "wallet_in_use", _("You are signed in with this wallet. Sign in with another one to unlink it.")
        )
