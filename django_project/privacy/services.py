"""A person's own data: to take away, and to have forgotten. What the chain holds is out of reach."""

from django.db import transaction
from django.utils import timezone

from django_project.accounts.models import User
from django_project.accounts.selectors import wallet_texts
from django_project.campaigns.models import Follow, Report, SupporterMessage
from django_project.core import audit
from django_project.core.addresses import format_address
from django_project.discovery.models import BehaviourEvent, Visitor
from django_project.discovery.services import erase
from django_project.discovery.session import VISITOR
from django_project.notifications.models import Mailbox, Notification, Preference
from django_project.pledges.models import PledgeIntent


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
        "messages": [
            {"campaign": row.listing.slug, "text": row.text, "written": row.written_at.isoformat()}
            for row in SupporterMessage.objects.filter(author=user).select_related("listing")
        ],
        "notifications": [
            {"kind": row.kind, "created": row.created_at.isoformat()}
            for row in Notification.objects.filter(user=user)
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


@transaction.atomic
def forget(user: User) -> None:
    """Delete an account with all that is kept about it.

    Of its browsers an empty row stays, marked as refused and without a name. The recommender keeps a hash of
    each wallet and browser: no later snapshot has anything of theirs, and no later model knows them.
    """
    visitors = Visitor.objects.filter(user=user)
    for wallet in wallet_texts(user):
        erase(wallet.lower())
    for visitor in visitors:
        erase(f"{VISITOR}{visitor.public_id}")
    visitors.update(user=None, consented_at=None, refused_at=timezone.now())
    audit.record("privacy.account.forgotten", user.public_id)
    user.delete()
