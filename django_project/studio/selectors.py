"""What drafts are read with: whose they are, and what still stops their launch."""

import uuid

from django.utils import timezone

from django_project.accounts.models import User
from django_project.studio.checks import Checker, Problem
from django_project.studio.launching import launch_currencies
from django_project.studio.models import Draft


def drafts_of(user: User) -> list[Draft]:
    """An account's drafts, the one changed last first."""
    return list(Draft.objects.for_user(user))


def draft_of(user: User, public_id: uuid.UUID) -> Draft:
    """Raises Draft.DoesNotExist where there is none, or it is not theirs."""
    return Draft.objects.for_user(user).get(public_id=public_id)


def problems_of(draft: Draft) -> list[Problem]:
    """All that stops a draft's launch now. Five queries."""
    return Checker(draft, launch_currencies(), timezone.now()).problems()
