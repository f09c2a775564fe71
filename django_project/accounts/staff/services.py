"""Writes upon staff accounts; each says who did it, to whom, what changed and why.

`actor` is None where somebody works at the machine's own console, with `manage.py staff`.
"""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from django_project.accounts import sessions
from django_project.accounts.models import User
from django_project.accounts.staff import links, secret_box
from django_project.accounts.staff.errors import (
    AlreadyEnrolledError,
    LastSuperuserError,
    NameTakenError,
    PowersRefusedError,
    ReasonMissingError,
    UnknownStaffError,
    UnusableNameError,
    WalletAccountError,
)
from django_project.core import audit


@dataclass(frozen=True, slots=True)
class Powers:
    """What a staff account may do; permissions as `app.codename`."""

    is_active: bool = True
    is_superuser: bool = False
    groups: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, user: User) -> "Powers":
        own = user.user_permissions.values_list("content_type__app_label", "codename")
        return cls(
            is_active=user.is_active,
            is_superuser=user.is_superuser,
            groups=frozenset(user.groups.values_list("name", flat=True)),
            permissions=frozenset(f"{app}.{codename}" for app, codename in own),
        )


@transaction.atomic
def enrol(name: str, *, is_superuser: bool, reason: str, actor: User | None = None) -> str:
    """Make a staff account, or take up one whose owner never finished; returns its one-time link.

    Raises:
        PowersRefusedError, ReasonMissingError: see each.
        UnusableNameError, NameTakenError, AlreadyEnrolledError: see each.
    """
    _require_superuser(actor)
    reason = _require_reason(reason)
    user = User.objects.select_for_update().filter(username__iexact=name).first()
    if user is None:
        user = User(username=name, is_staff=True, is_superuser=is_superuser)
        user.set_unusable_password()
        try:
            user.full_clean()
        except ValidationError:
            raise UnusableNameError from None
        user.save()
        audit.record(
            "accounts.staff.created", user.public_id, actor=actor, superuser=is_superuser, reason=reason
        )
    elif not user.is_staff:
        raise NameTakenError(name)
    elif is_enrolled(user):
        raise AlreadyEnrolledError(user.username)
    return _new_link(user, actor, reason)


@transaction.atomic
def reset(name: str, *, reason: str, actor: User | None = None) -> str:
    """Take password, second factor and sessions from somebody who lost one of them; returns a one-time link.

    Raises:
        PowersRefusedError, ReasonMissingError, UnknownStaffError: see each.
    """
    _require_superuser(actor)
    reason = _require_reason(reason)
    user = User.objects.select_for_update().filter(username__iexact=name, is_staff=True).first()
    if user is None:
        raise UnknownStaffError(name)
    Authenticator.objects.filter(user=user).delete()
    audit.record("accounts.second_factor.reset", user.public_id, actor=actor, reason=reason)
    return _new_link(user, actor, reason)


@transaction.atomic
def set_powers(user: User, powers: Powers, *, actor: User, reason: str) -> None:
    """Change what a staff account may do.

    Raises:
        PowersRefusedError, ReasonMissingError, WalletAccountError, LastSuperuserError: see each.
    """
    reason = _require_reason(reason)
    # In one order, so that of two who take each other's powers at the same time the second one is refused.
    concerned = Q(pk=user.pk) | Q(is_superuser=True, is_active=True)
    rows = {row.pk: row for row in User.objects.select_for_update().filter(concerned).order_by("pk")}
    _require_superuser(rows.get(actor.pk, User()))
    locked = rows.pop(user.pk)
    if not locked.is_staff:
        raise WalletAccountError
    before = Powers.of(locked)
    is_kept = powers.is_superuser and powers.is_active
    if before.is_superuser and before.is_active and not is_kept and not any(map(is_enrolled, rows.values())):
        raise LastSuperuserError
    locked.is_active, locked.is_superuser = powers.is_active, powers.is_superuser
    locked.save(update_fields=["is_active", "is_superuser"])
    locked.groups.set(Group.objects.filter(name__in=powers.groups))
    locked.user_permissions.set(_permissions(powers.permissions))
    changes = _changes(before, Powers.of(locked))
    audit.record("accounts.powers.changed", user.public_id, actor=actor, reason=reason, **changes)


@transaction.atomic
def set_group(group: Group, name: str, permissions: frozenset[str], *, actor: User, reason: str) -> None:
    """Make a group, or change what its members may do.

    Raises:
        PowersRefusedError, ReasonMissingError: see each.
    """
    _require_superuser(actor)
    reason = _require_reason(reason)
    # The one at hand may carry the new name already.
    kept = Group.objects.select_for_update().filter(pk=group.pk).first()
    before: frozenset[str] = _named(kept) if kept else frozenset()
    group.name = name
    group.save()
    group.permissions.set(_permissions(permissions))
    audit.record(
        "accounts.group.changed",
        name,
        actor=actor,
        reason=reason,
        name=[kept.name if kept else "", name],
        permissions=[sorted(before), sorted(_named(group))],
    )


@transaction.atomic
def set_open(user: User, *, is_open: bool, actor: User, reason: str) -> None:
    """Close a wallet's account to its owner, or open it again; its name is shown nowhere meanwhile.

    Raises:
        PowersRefusedError: it is a staff account, which only `set_powers` changes.
        ReasonMissingError: see there.
    """
    reason = _require_reason(reason)
    locked = User.objects.select_for_update().get(pk=user.pk)
    if locked.is_staff:
        raise PowersRefusedError
    locked.is_active = is_open
    locked.save(update_fields=["is_active"])
    action = "accounts.user.opened" if is_open else "accounts.user.closed"
    audit.record(action, user.public_id, actor=actor, reason=reason)


@transaction.atomic
def end_sessions(user: User, *, actor: User, reason: str) -> None:
    """Sign an account out everywhere, which takes nothing else from it.

    Raises:
        PowersRefusedError: it is a staff account, and the actor no superuser.
        ReasonMissingError: see there.
    """
    reason = _require_reason(reason)
    if user.is_staff and not actor.is_superuser:
        raise PowersRefusedError
    ended = sessions.end_all(user)
    audit.record("accounts.sessions.ended", user.public_id, actor=actor, reason=reason, sessions=ended)


@transaction.atomic
def set_password(user: User, password: str) -> None:
    """Set one's own password, which ends all other sessions.

    Raises:
        ValidationError: it is too short, too much like the name, or known to attackers.
    """
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record("accounts.password.set", user.public_id, actor=user)


@transaction.atomic
def renew_secrets() -> int:
    """Encrypt all secrets of second factors with the first key; says how many.

    Raises:
        SecretUnreadableError: one was made with a key that is not configured any more; none is changed.
    """
    names = ("secret", "seed")
    found = Authenticator.objects.select_for_update().filter(data__has_any_keys=names)
    for each in found:
        each.data |= {name: secret_box.renew(each.data[name]) for name in names if name in each.data}
        each.save(update_fields=["data"])
    audit.record("accounts.second_factors.renewed", "all", secrets=len(found))
    return len(found)


def is_enrolled(user: User) -> bool:
    """Whether somebody has a password and a second factor."""
    return user.has_usable_password() and Authenticator.objects.filter(user=user).exists()


def _new_link(user: User, actor: User | None, reason: str) -> str:
    # Another unusable password ends older links, and all sessions.
    user.set_unusable_password()
    user.save(update_fields=["password"])
    audit.record("accounts.staff.link_issued", user.public_id, actor=actor, reason=reason)
    return links.issue(user)


def _require_superuser(actor: User | None) -> None:
    if actor is not None and not (actor.is_active and actor.is_staff and actor.is_superuser):
        raise PowersRefusedError


def _require_reason(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissingError
    return reason.strip()


def _permissions(names: frozenset[str]) -> list[Permission]:
    codenames = [name.partition(".")[2] for name in names]
    found = Permission.objects.filter(codename__in=codenames).select_related("content_type")
    return [each for each in found if f"{each.content_type.app_label}.{each.codename}" in names]


def _named(group: Group) -> frozenset[str]:
    pairs = group.permissions.values_list("content_type__app_label", "codename")
    return frozenset(f"{app}.{codename}" for app, codename in pairs)


def _changes(before: Powers, after: Powers) -> dict[str, list[object]]:
    """What differs, as [before, after]."""
    changes: dict[str, list[object]] = {}
    for name in ("is_active", "is_superuser", "groups", "permissions"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            is_set = isinstance(old, frozenset)
            changes[name] = [sorted(old), sorted(new)] if is_set else [old, new]
    return changes
