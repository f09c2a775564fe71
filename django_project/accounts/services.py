"""Sign-in with a wallet."""

import secrets
import uuid
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import login, update_session_auth_hash
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from django_project.accounts import browsers, contract_wallets, eip4361
from django_project.accounts.backends import WALLET_BACKEND
from django_project.accounts.errors import (
    AccountRefusedError,
    ChallengeError,
    SignaturePendingError,
    UnknownChainError,
    WalletInUseError,
    WalletTakenError,
    WrongSignatureError,
)
from django_project.accounts.models import SignInChallenge, User, Wallet
from django_project.accounts.selectors import SESSION_WALLET, wallet_address
from django_project.core import audit
from django_project.core.addresses import format_address
from django_project.core.screening import require_served
from django_project.ledger.models import Chain

NONCE_BYTES = 16


def issue_challenge(browser: str, address: bytes, chain_id: int) -> SignInChallenge:
    """Write the text that a wallet is to sign, good for this browser and a few minutes.

    Where a contract signs, several people may have to: its text is good for a day, and whoever asks again in
    this browser gets the same one, for signatures of it may be on the chain already. No transaction may be
    open: a node is asked whether there is a contract.

    Raises:
        AddressRefusedError: the operator does not serve the address.
        UnknownChainError: the site does not index the chain.
    """
    require_served(address)
    if not Chain.objects.filter(pk=chain_id).exists():
        raise UnknownChainError
    now = timezone.now().replace(microsecond=0)
    lifetime = settings.SIGN_IN_CHALLENGE_LIFETIME
    if contract_wallets.is_contract(chain_id, address):
        lifetime = settings.SIGN_IN_CONTRACT_CHALLENGE_LIFETIME
        earlier = _usable(browser).filter(
            address=address, chain_id=chain_id, expires_at__gt=now + lifetime / 2
        )
        if (challenge := earlier.order_by("-expires_at").first()) is not None:
            return challenge
    message = eip4361.SignInMessage(
        domain=_domain(),
        address=address,
        uri=settings.SITE_URL,
        chain_id=chain_id,
        nonce=secrets.token_hex(NONCE_BYTES),
        issued_at=now,
        expires_at=now + lifetime,
    )
    return SignInChallenge.objects.create(
        nonce=message.nonce,
        browser_digest=browsers.digest(browser),
        address=address,
        chain_id=chain_id,
        message=message.render(),
        expires_at=message.expires_at,
    )


def sign_in(request: HttpRequest, nonce: str, signature: bytes) -> User:
    """Start a session for the account of the wallet that signed; the first time, make the account.

    The challenge is spent by whoever names it first, whatever the signature then turns out to be; only one
    that a contract's signers are still confirming on the chain is not.

    Raises:
        ChallengeError, AccountRefusedError: see each.
        WrongSignatureError, SignaturePendingError, WalletOnSeveralChainsError, NodeUnreachableError: see
            `_proven_signer`.
    """
    signer, is_contract = _proven_signer(request, nonce, signature)
    user = _account_of(signer, is_contract=is_contract)
    if user.is_staff or user.is_superuser or not user.is_active:
        raise AccountRefusedError
    # Whoever planted a session key before the sign-in must not share the session after it.
    request.session.flush()
    login(request, user, backend=WALLET_BACKEND)
    request.session[SESSION_WALLET] = format_address(signer)
    return user


def link_wallet(request: HttpRequest, user: User, nonce: str, signature: bytes) -> Wallet:
    """Give an account a further wallet, which proves itself by signing a challenge of this session.

    Raises:
        AccountRefusedError, ChallengeError, WalletTakenError: see each.
        WrongSignatureError, SignaturePendingError, WalletOnSeveralChainsError, NodeUnreachableError: see
            `_proven_signer`.
    """
    if user.is_staff:
        raise AccountRefusedError
    signer, is_contract = _proven_signer(request, nonce, signature)
    with transaction.atomic():
        wallet, is_new = Wallet.objects.get_or_create(
            address=signer, defaults={"user": user, "is_contract": is_contract}
        )
        if wallet.user_id != user.pk:
            raise WalletTakenError
        if is_new:
            audit.record("accounts.wallet.linked", user.public_id, actor=user, wallet=format_address(signer))
    return wallet


@transaction.atomic
def unlink_wallet(request: HttpRequest, user: User, address: bytes) -> None:
    """Take a wallet, for instance a lost one, from an account, and end all of its other sessions.

    Whoever holds the lost wallet may be signed in with it somewhere.

    Raises:
        WalletInUseError: it is the one of this session.
        ValueError: the account has no such wallet.
    """
    if address == wallet_address(request):
        raise WalletInUseError
    if not Wallet.objects.filter(user=user, address=address).delete()[0]:
        raise ValueError(f"{format_address(address)} is no wallet of this account")
    # Sessions are bound to the password, and a new unusable one is a new random text.
    user.set_unusable_password()
    user.save(update_fields=["password"])
    update_session_auth_hash(request, user)
    audit.record("accounts.wallet.unlinked", user.public_id, actor=user, wallet=format_address(address))


def forget_old_challenges(before: datetime) -> int:
    """Delete challenges that expired before a moment; says how many."""
    return SignInChallenge.objects.filter(expires_at__lt=before).delete()[0]


def _proven_signer(request: HttpRequest, nonce: str, signature: bytes) -> tuple[bytes, bool]:
    """The address of the challenge, once its key or its contract has signed, and whether it was a contract.

    Spends the challenge either way, but for an empty signature: a contract's signers give that on the chain.
    No transaction may be open: a node may be asked, which takes seconds.

    Raises:
        ChallengeError: it cannot be used.
        SignaturePendingError: the signature is empty, and its contract does not accept that yet.
        WrongSignatureError, WalletOnSeveralChainsError, NodeUnreachableError: see `contract_wallets`.
    """
    if not signature:
        return _signer_on_chain(request, nonce), True
    challenge = _consume(request, nonce)
    address = bytes(challenge.address)
    if _is_signed_by_key(address, challenge.message, signature):
        return address, False
    digest = eip4361.signing_digest(challenge.message)
    contract_wallets.require_acceptance(challenge.chain_id, address, digest, signature)
    return address, True


def _signer_on_chain(request: HttpRequest, nonce: str) -> bytes:
    challenge = _usable(browsers.read(request)).filter(nonce=nonce).first()
    if challenge is None:
        raise ChallengeError
    address = bytes(challenge.address)
    try:
        digest = eip4361.signing_digest(challenge.message)
        contract_wallets.require_acceptance(challenge.chain_id, address, digest, b"")
    except WrongSignatureError:
        if contract_wallets.is_contract(challenge.chain_id, address):
            raise SignaturePendingError from None
        _consume(request, nonce)
        raise
    _consume(request, nonce)
    return address


def _is_signed_by_key(address: bytes, message: str, signature: bytes) -> bool:
    try:
        return eip4361.recover_signer(message, signature) == address
    except eip4361.SignatureError:
        return False


def _usable(browser: str) -> QuerySet[SignInChallenge]:
    """The challenges of this browser that can still be answered."""
    return SignInChallenge.objects.filter(
        browser_digest=browsers.digest(browser),
        consumed_at=None,
        expires_at__gt=timezone.now(),
        message__startswith=f"{_domain()} wants you to sign in",
    )


def _consume(request: HttpRequest, nonce: str) -> SignInChallenge:
    """Spend the challenge by one conditional UPDATE, so that of two simultaneous posts one fails."""
    if not _usable(browsers.read(request)).filter(nonce=nonce).update(consumed_at=timezone.now()):
        raise ChallengeError
    return SignInChallenge.objects.get(nonce=nonce)


def _account_of(address: bytes, *, is_contract: bool) -> User:
    wallet = Wallet.objects.select_related("user").filter(address=address).first()
    if wallet is not None:
        if wallet.is_contract != is_contract:
            wallet.is_contract = is_contract
            wallet.save(update_fields=["is_contract"])
        return wallet.user
    try:
        with transaction.atomic():
            user = User(username=f"wallet-{uuid.uuid4().hex}")
            user.set_unusable_password()
            user.save()
            Wallet.objects.create(user=user, address=address, is_contract=is_contract)
            audit.record("accounts.user.created", user.public_id, actor=user, wallet=format_address(address))
            return user
    except IntegrityError:
        # Another request linked the same wallet between our look and our insert.
        return Wallet.objects.select_related("user").get(address=address).user


def _domain() -> str:
    return urlsplit(settings.SITE_URL).netloc
