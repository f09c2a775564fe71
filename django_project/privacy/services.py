"""A person's own data: to take away, and to have forgotten. What the chain holds is out of reach."""

from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from django_project.accounts import challenges
from django_project.accounts import services as accounts
from django_project.accounts.models import User
from django_project.accounts.selectors import wallet_texts
from django_project.accounts.sessions import sessions_of
from django_project.community.models import Follow, Report, SupporterMessage
from django_project.core import audit
from django_project.core.addresses import format_address
from django_project.discovery.models import BehaviourEvent, Visitor
from django_project.discovery.services import erase
from django_project.discovery.user_keys import visitor_key
from django_project.notifications import account_notices
from django_project.notifications.models import AccountNotice, Mailbox, Notification, Preference
from django_project.pledges.models import PledgeIntent
from django_project.studio.selectors import drafts_of


def export(user: User) -> dict[str, object]:
    """Everything the site keeps about an account, ready for JSON."""
    box = Mailbox.objects.filter(user=user).first()
    return {
        "account": {
            "id": str(user.public_id),
            "display_name": user.display_name,
            "bio": user.bio,
            "language": user.language,
            "anonymous_backer": user.anonymous_backer,
            "joined": user.date_joined.isoformat(),
            "last_sign_in": user.last_login.isoformat() if user.last_login else None,
            "email": box.address if box else "",
        },
        "wallets": wallet_texts(user),
        "saved": list(Follow.objects.filter(user=user).values_list("listing__slug", flat=True)),
        "pledges": [
            {
                "id": str(row.public_id),
                "chain_id": row.chain_id,
                "campaign": format_address(row.campaign_address),
                "amount": str(row.amount),
                "state": row.state,
                "created": row.created_at.isoformat(),
            }
            for row in PledgeIntent.objects.filter(user=user)
        ],
        "reports": [
            {
                "campaign": row.listing.slug,
                "reason": row.reason,
                "text": row.text,
                "state": row.state,
                "created": row.created_at.isoformat(),
            }
            for row in Report.objects.filter(reporter=user).select_related("listing")
        ],
        "drafts": [
            {
                "id": str(row.public_id),
                "created": row.created_at.isoformat(),
                "changed": row.updated_at.isoformat(),
                "texts": row.texts,
                "rows": row.rows,
            }
            for row in drafts_of(user)
        ],
        "messages": [
            {"campaign": row.listing.slug, "text": row.text, "written": row.written_at.isoformat()}
            for row in SupporterMessage.objects.filter(author=user).select_related("listing")
        ],
        "notifications": [
            {"kind": row.kind, "created": row.created_at.isoformat()}
            for row in Notification.objects.filter(user=user)
        ],
        "account_notices": [
            {"act": row.act, "wallet": row.subject, "created": row.created_at.isoformat()}
            for row in AccountNotice.objects.filter(user=user)
        ],
        "sessions": [
            {
                "started": row.started_at.isoformat(),
                "last_used": row.last_used_at.isoformat(),
                "browser": row.browser,
                "system": row.system,
                "network": row.network,
            }
            for row in sessions_of(user)
        ],
        "preferences": list(
            Preference.objects.filter(user=user).values("kind", "on_site", "by_email").order_by("kind")
        ),
        "viewed": [
            {
                "kind": row.kind,
                "chain_id": row.chain_id,
                "campaign": format_address(row.campaign_address),
                "at": row.occurred_at.isoformat(),
                "seconds": row.dwell_seconds,
            }
            for row in BehaviourEvent.objects.filter(visitor__user=user).order_by("occurred_at")
        ],
    }


def ask_for_deletion(user: User) -> bool:
    """Have an account deleted after a while, for whoever can sign with none of its wallets any more.

    Its owner is told by letter and on every page, and calls it off from there; so does signing in with one of
    its wallets. Where no confirmed address can be told, it takes longer than any session lasts: whoever stole
    one is signed out before. False where it is going to be deleted already.
    """
    is_told = Mailbox.objects.filter(user=user, confirmed_at__isnull=False).exists()
    wait = settings.DELETION_WAIT if is_told else settings.DELETION_WAIT_UNTOLD
    return accounts.ask_for_deletion(user, timezone.now() + wait)


def delete_due() -> int:
    """Delete the accounts whose time has come; says how many."""
    due = User.objects.filter(deletion_due_at__lte=timezone.now())
    return sum(_delete_one(pk) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def _delete_one(pk: int) -> int:
    """Its row is held, so that of calling it off and doing it one comes first."""
    user = (
        User.objects.select_for_update(skip_locked=True)
        .filter(pk=pk, deletion_due_at__lte=timezone.now())
        .first()
    )
    if user is None:
        return 0
    forget(user)
    return 1


@transaction.atomic
def forget(user: User) -> None:
    """Delete an account with all that is kept about it, and tell its confirmed address.

    Of its browsers an empty row stays, marked as refused and without a name. The recommender keeps a hash of
    each wallet and browser: no later snapshot has anything of theirs, and no later model knows them. The
    audit trail keeps that something happened, and no longer whose it was.
    """
    box = Mailbox.objects.filter(user=user, confirmed_at__isnull=False).first()
    visitors = Visitor.objects.filter(user=user)
    for wallet in wallet_texts(user):
        erase(wallet.lower())
    for visitor in visitors:
        erase(visitor_key(visitor.public_id))
    visitors.update(user=None, consented_at=None, refused_at=timezone.now())
    challenges.forget_wallets_of(user)
    audit.forget(user.public_id)
    audit.record("privacy.account.forgotten", audit.FORGOTTEN)
    user.delete()
    if box is not None:
        transaction.on_commit(partial(account_notices.say_farewell, user, box.address))
