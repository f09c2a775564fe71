"""Texts that wallets sign: written by the server, bound to a browser and a purpose, answered once."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from django_project.accounts import browsers, contract_wallets, eip4361
from django_project.accounts.errors import (
    ChallengeError,
    NotYourWalletError,
    SignaturePendingError,
    SubjectError,
    UnknownChainError,
    WrongSignatureError,
)
from django_project.accounts.models import Challenge, User, Wallet
from django_project.accounts.purposes import Purpose, statement
from django_project.core import refusals
from django_project.core.addresses import format_address, parse_address
from django_project.core.errors import UserError
from django_project.core.mail_addresses import is_mail_address
from django_project.core.screening import require_served
from django_project.ledger.models import Chain

NONCE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser sends back: which text, and its signature."""

    nonce: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature that held: who signed, by code of which chain unless by a key, and about what."""

    address: bytes
    contract_chain_id: int | None
    subject: str


@dataclass(frozen=True, slots=True)
class Request:
    """Who is to sign in which browser, on which of the site's chains."""

    browser: str
    address: bytes
    chain_id: int


def issue(request: Request) -> Challenge:
    """Write the text of a sign-in.

    Raises:
        AddressRefusedError, UnknownChainError: see `_write`.
    """
    return _write(request, Purpose.SIGN_IN, None, "")


def issue_step_up(request: Request, user: User, purpose: Purpose, subject: str) -> Challenge:
    """Write the text that permits one act of one account; see `Purpose`.

    Raises:
        NotYourWalletError: the wallet that is to sign is none of the account, or would not stay in it.
        SubjectError: the subject is nothing that the act can be about.
        AddressRefusedError, UnknownChainError: see `_write`.
    """
    own = set(Wallet.objects.filter(user=user).values_list("address", flat=True))
    if (request.address in own) == (purpose == Purpose.JOIN_ACCOUNT):
        raise NotYourWalletError
    return _write(request, purpose, user, _checked_subject(purpose, subject, own, request.address))


def prove(browser: str, answer: Answer, purpose: Purpose, user: User | None = None) -> Proof:
    """The proof that an answer gives; a refusal leaves a line in the log.

    Spends the challenge whatever the signature turns out to be, but for an empty one: a contract's signers
    give that on the chain. No transaction may be open: a node may be asked, which takes seconds.

    Raises:
        ChallengeError: there is none of this purpose and account that can be answered.
        SignaturePendingError: the signature is empty, and its contract does not accept that yet.
        WrongSignatureError, NodeUnreachableError: see `contract_wallets`.
    """
    usable = _usable(browser, purpose, user)
    try:
        if not answer.signature:
            return _proof_on_chain(usable, answer.nonce)
        challenge = _consume(usable, answer.nonce)
        address = bytes(challenge.address)
        if _is_signed_by_key(address, challenge.message, answer.signature):
            return Proof(address, None, challenge.subject)
        _ask_contract(challenge, answer.signature)
        return Proof(address, challenge.chain_id, challenge.subject)
    except UserError as error:
        if not isinstance(error, SignaturePendingError):
            log_refusal(purpose, error, user)
        raise


def log_refusal(purpose: Purpose, error: UserError, user: User | None) -> None:
    if user is None:
        refusals.log("sign_in.refused", reason=error.code)
    else:
        refusals.log("step_up.refused", reason=error.code, purpose=purpose, account=str(user.public_id))


def forget_old(before: datetime) -> int:
    """Delete challenges that expired before a moment; says how many."""
    return Challenge.objects.filter(expires_at__lt=before).delete()[0]


def forget_wallets_of(user: User) -> None:
    """Delete the texts that an account's wallets were to sign, sign-ins too, which name no account."""
    Challenge.objects.filter(address__in=Wallet.objects.filter(user=user).values("address")).delete()


def _checked_subject(purpose: Purpose, subject: str, own: set[bytes], signer: bytes) -> str:
    """The subject in its one spelling."""
    if purpose == Purpose.DELETE_ACCOUNT:
        is_right = subject == ""
    elif purpose == Purpose.CHANGE_EMAIL:
        is_right = subject == "" or is_mail_address(subject)
    else:
        try:
            wallet = parse_address(subject)
        except ValueError:
            raise SubjectError from None
        subject = format_address(wallet)
        is_right = wallet != signer and (wallet in own) == (purpose != Purpose.ADD_WALLET)
    if not is_right:
        raise SubjectError
    return subject


def _write(request: Request, purpose: Purpose, user: User | None, subject: str) -> Challenge:
    """Write a text, good for this browser and a few minutes.

    Where a contract signs, several people may have to: its text is good for a day, and whoever asks for the
    same again in this browser gets the same one, for signatures of it may be on the chain already. No
    transaction may be open: a node is asked whether there is a contract.

    Raises:
        AddressRefusedError: the operator does not serve the address.
        UnknownChainError: the site does not index the chain.
    """
    require_served(request.address)
    if not Chain.objects.filter(pk=request.chain_id).exists():
        raise UnknownChainError
    now = timezone.now().replace(microsecond=0)
    lifetime = settings.SIGN_IN_CHALLENGE_LIFETIME
    signer = {"address": request.address, "chain_id": request.chain_id, "subject": subject}
    if contract_wallets.is_contract(request.chain_id, request.address):
        lifetime = settings.SIGN_IN_CONTRACT_CHALLENGE_LIFETIME
        earlier = _usable(request.browser, purpose, user).filter(**signer, expires_at__gt=now + lifetime / 2)
        if (challenge := earlier.order_by("-expires_at").first()) is not None:
            return challenge
    message = eip4361.Message(
        domain=_domain(),
        address=request.address,
        statement=statement(purpose, subject),
        uri=settings.SITE_URL,
        chain_id=request.chain_id,
        nonce=secrets.token_hex(NONCE_BYTES),
        issued_at=now,
        expires_at=now + lifetime,
        resources=() if user is None else (user.public_id.urn,),
    )
    return Challenge.objects.create(
        nonce=message.nonce,
        browser_digest=browsers.digest(request.browser),
        purpose=purpose,
        user=user,
        message=message.render(),
        expires_at=message.expires_at,
        **signer,
    )


def _proof_on_chain(usable: QuerySet[Challenge], nonce: str) -> Proof:
    challenge = usable.filter(nonce=nonce).first()
    if challenge is None:
        raise ChallengeError
    try:
        _ask_contract(challenge, b"")
    except WrongSignatureError:
        if contract_wallets.is_contract(challenge.chain_id, bytes(challenge.address)):
            raise SignaturePendingError from None
        _consume(usable, nonce)
        raise
    _consume(usable, nonce)
    return Proof(bytes(challenge.address), challenge.chain_id, challenge.subject)


def _ask_contract(challenge: Challenge, signature: bytes) -> None:
    digest = eip4361.signing_digest(challenge.message)
    contract_wallets.require_acceptance(challenge.chain_id, bytes(challenge.address), digest, signature)


def _is_signed_by_key(address: bytes, message: str, signature: bytes) -> bool:
    try:
        return eip4361.recover_signer(message, signature) == address
    except eip4361.SignatureError:
        return False


def _usable(browser: str, purpose: Purpose, user: User | None) -> QuerySet[Challenge]:
    """The challenges of this browser, purpose and account that can still be answered."""
    return Challenge.objects.filter(
        browser_digest=browsers.digest(browser),
        purpose=purpose,
        user=user,
        consumed_at=None,
        expires_at__gt=timezone.now(),
        message__startswith=f"{_domain()} wants you to sign in",
    )


def _consume(usable: QuerySet[Challenge], nonce: str) -> Challenge:
    """Spend the challenge by one conditional UPDATE, so that of two simultaneous posts one fails."""
    if not usable.filter(nonce=nonce).update(consumed_at=timezone.now()):
        raise ChallengeError
    return Challenge.objects.get(nonce=nonce)


def _domain() -> str:
    return urlsplit(settings.SITE_URL).netloc
