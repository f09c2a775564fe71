"""Why a sign-in is refused."""

from django.utils.translation import gettext_lazy as _

from django_project.core.errors import ConflictError, InvalidInputError, RefusedError, UnavailableError


class UnknownChainError(InvalidInputError):
    def __init__(self) -> None:
        super().__init__(
            "unknown_chain",
            _("This site does not know your wallet's network. Switch networks and try again."),
        )


class ChallengeError(RefusedError):
    """The nonce is unknown, used, too old or another session's; which of these is nobody's business."""

    def __init__(self) -> None:
        super().__init__(
            "challenge_not_usable", _("This sign-in request is too old or was used before. Start again.")
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


class WalletOnSeveralChainsError(RefusedError):
    """A contract wallet whose address is another contract's, perhaps another owner's, elsewhere."""

    def __init__(self) -> None:
        super().__init__(
            "wallet_on_several_networks",
            _(
                "Your wallet's contract is also on another network of this site, where it may have another "
                "owner. Use an account that signs with a key of its own."
            ),
        )


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
