"""Sign-in with a wallet, and which wallets open an account."""

import uuid
from datetime import datetime

from django.contrib.auth import login
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from django_project.accounts import browsers, challenges, sessions
from django_project.accounts.acts import Act, account_changed
from django_project.accounts.backends import WALLET_BACKEND
from django_project.accounts.challenges import Answer, Proof
from django_project.accounts.errors import (
    AccountRefusedError,
    ChallengeError,
    NotYourWalletError,
    WalletInUseError,
    WalletOnOtherChainError,
    WalletTakenError,
)
from django_project.accounts.models import User, Wallet
from django_project.accounts.purposes import Purpose
from django_project.accounts.selectors import SESSION_WALLET, chain_of_first_act, wallet_address
from django_project.core import audit
from django_project.core.addresses import format_address, parse_address
from django_project.core.errors import UserError
from django_project.ledger.models import Chain
from django_project.ledger.networks import network_name


def sign_in(request: HttpRequest, answer: Answer) -> User:
    """Start a session for the account of the wallet that signed; the first time, make the account.

    Who signs in still has a wallet, so a deletion that was asked for without one is called off.

    Raises:
        AccountRefusedError: it is a staff account, or one that was switched off.
        WalletOnOtherChainError: see `_require_its_chain`.
        ChallengeError, SignaturePendingError, WrongSignatureError, NodeUnreachableError: see
            `challenges.prove`.
    """
    proof = challenges.prove(browsers.read(request), answer, Purpose.SIGN_IN)
    try:
        user = _account_of(proof)
        if user.is_staff or user.is_superuser or not user.is_active:
            raise AccountRefusedError
    except UserError as error:
        challenges.log_refusal(Purpose.SIGN_IN, error, None)
        raise
    call_deletion_off(user)
    # Whoever planted a session key before the sign-in must not share the session after it.
    request.session.flush()
    login(request, user, backend=WALLET_BACKEND)
    request.session[SESSION_WALLET] = format_address(proof.address)
    return user


def step_up(request: HttpRequest, user: User, purpose: Purpose, answer: Answer) -> Proof:
    """The proof that a wallet which still belongs to the account permits an act.

    Raises:
        NotYourWalletError: the wallet was removed since the text was written.
        WalletOnOtherChainError: see `_require_its_chain`.
        ChallengeError, SignaturePendingError, WrongSignatureError, NodeUnreachableError: see
            `challenges.prove`.
    """
    proof = challenges.prove(browsers.read(request), answer, purpose, user)
    try:
        wallet = Wallet.objects.filter(user=user, address=proof.address).first()
        if wallet is None:
            raise NotYourWalletError
        _require_its_chain(wallet, proof)
    except UserError as error:
        challenges.log_refusal(purpose, error, user)
        raise
    return proof


def link_wallet(request: HttpRequest, user: User, approval: Answer, joining: Answer) -> Wallet:
    """Give an account a further wallet: one of its own permits it, and the new one agrees.

    Each text names the other's wallet. A signature that is still awaited on the chain spends neither.

    Raises:
        ChallengeError: one of them cannot be answered, or they are not about each other.
        WalletTakenError: it belongs to another account.
        AccountRefusedError: staff have no wallets.
        NotYourWalletError, WalletOnOtherChainError: see `step_up`.
        SignaturePendingError, WrongSignatureError, NodeUnreachableError: see `challenges.prove`.
    """
    if user.is_staff:
        raise AccountRefusedError
    if joining.signature:
        permit = step_up(request, user, Purpose.ADD_WALLET, approval)
        proof = challenges.prove(browsers.read(request), joining, Purpose.JOIN_ACCOUNT, user)
    else:
        proof = challenges.prove(browsers.read(request), joining, Purpose.JOIN_ACCOUNT, user)
        permit = step_up(request, user, Purpose.ADD_WALLET, approval)
    if (permit.subject, proof.subject) != (format_address(proof.address), format_address(permit.address)):
        raise ChallengeError
    with transaction.atomic():
        _hold(user)
        if not Wallet.objects.filter(user=user, address=permit.address).exists():
            raise NotYourWalletError
        wallet, is_new = Wallet.objects.get_or_create(
            address=proof.address, defaults={"user": user, **_kind(proof)}
        )
        if wallet.user_id != user.pk:
            raise WalletTakenError
        if is_new:
            _record(user, Act.WALLET_ADDED, proof.address)
    return wallet


def unlink_wallet(request: HttpRequest, user: User, answer: Answer) -> None:
    """Take a wallet, for instance a lost one, from an account, and end the sessions that it began.

    Another of its wallets permits that, and stays: an account always keeps one that has just signed.

    Raises:
        WalletInUseError: it is the one of this session.
        NotYourWalletError: one of the two was removed meanwhile.
        ChallengeError, SignaturePendingError, WrongSignatureError, WalletOnOtherChainError,
            NodeUnreachableError: see `step_up`.
    """
    proof = step_up(request, user, Purpose.REMOVE_WALLET, answer)
    removed = parse_address(proof.subject)
    if removed == wallet_address(request):
        raise WalletInUseError
    with transaction.atomic():
        _hold(user)
        if not Wallet.objects.filter(user=user, address=proof.address).exists():
            raise NotYourWalletError
        if not Wallet.objects.filter(user=user, address=removed).delete()[0]:
            raise NotYourWalletError
        sessions.end_by_wallet(user, removed)
        _record(user, Act.WALLET_REMOVED, removed)


@transaction.atomic
def ask_for_deletion(user: User, due_at: datetime) -> bool:
    """Have an account deleted at a time; False where that is going to happen already."""
    changed = User.objects.filter(pk=user.pk, deletion_due_at=None).update(deletion_due_at=due_at)
    if changed:
        user.deletion_due_at = due_at
        _record(user, Act.DELETION_ASKED)
    return bool(changed)


@transaction.atomic
def call_deletion_off(user: User) -> bool:
    """Keep an account that was going to be deleted; False where it was not."""
    changed = User.objects.filter(pk=user.pk, deletion_due_at__isnull=False).update(deletion_due_at=None)
    if changed:
        user.deletion_due_at = None
        _record(user, Act.DELETION_CALLED_OFF)
    return bool(changed)


def _record(user: User, act: Act, wallet: bytes | None = None) -> None:
    """Into the audit trail, and to whoever tells the owner."""
    subject = format_address(wallet) if wallet else ""
    details = {"wallet": subject} if subject else {}
    audit.record(f"accounts.{act.replace('_', '.', 1)}", user.public_id, actor=user, **details)
    account_changed.send(User, user=user, act=act, subject=subject)


def _hold(user: User) -> None:
    """Lock the account's row: of two acts that need one of its wallets to stay, the second sees the first."""
    User.objects.select_for_update().get(pk=user.pk)


def _account_of(proof: Proof) -> User:
    wallet = Wallet.objects.select_related("user").filter(address=proof.address).first()
    if wallet is not None:
        _require_its_chain(wallet, proof)
        return wallet.user
    _require_chain_of_first_act(proof)
    try:
        with transaction.atomic():
            user = User(username=f"wallet-{uuid.uuid4().hex}")
            user.set_unusable_password()
            user.save()
            Wallet.objects.create(user=user, address=proof.address, **_kind(proof))
            audit.record(
                "accounts.user.created", user.public_id, actor=user, wallet=format_address(proof.address)
            )
            return user
    except IntegrityError:
        # Another request made or linked the same wallet between our look and our insert.
        return _account_of(proof)


def _kind(proof: Proof) -> dict[str, bool | int | None]:
    return {
        "is_contract": proof.contract_chain_id is not None,
        "contract_chain_id": proof.contract_chain_id,
    }


def _require_its_chain(wallet: Wallet, proof: Proof) -> None:
    """A key is the same person's on every chain; a contract's address may be somebody else's elsewhere.

    So a key's account is opened by the key alone, a contract's by its code on the chain where it was opened
    first. One from before chains were kept is bound now.

    Raises:
        WalletOnOtherChainError: the code of another chain signed.
        AccountRefusedError: code signed for a key's account, or a key for a contract's.
    """
    if wallet.is_contract != (proof.contract_chain_id is not None):
        raise AccountRefusedError
    if wallet.contract_chain_id != proof.contract_chain_id:
        if wallet.contract_chain_id is not None:
            raise WalletOnOtherChainError(_name_of(wallet.contract_chain_id))
        _require_chain_of_first_act(proof)
        wallet.contract_chain_id = proof.contract_chain_id
        wallet.save(update_fields=["contract_chain_id"])


def _require_chain_of_first_act(proof: Proof) -> None:
    """An address that gave or launched something is its who did so first, by the code of that chain.

    Raises:
        WalletOnOtherChainError: the code of another chain signed.
    """
    if proof.contract_chain_id is None:
        return
    first = chain_of_first_act(proof.address)
    if first is not None and first != proof.contract_chain_id:
        raise WalletOnOtherChainError(_name_of(first))


def _name_of(chain_id: int) -> str:
    return str(Chain.objects.annotate(called=network_name()).get(pk=chain_id).called)
