"""Gives the demo's operator the password and the key that it reads: `python -m demo.create_operator`.

The operator also picks what the home page shows as the staff's choice.

A process of its own, because it loads Django and the demo does not.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured

from demo.accounts import OPERATOR, STAFF_PICKS


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
    django.setup()

    from allauth.mfa.models import Authenticator
    from allauth.mfa.totp.internal.auth import TOTP
    from django.conf import settings
    from django.db import transaction

    from django_project.accounts.models import User
    from django_project.campaigns.models import Listing
    from django_project.community import moderation
    from django_project.core import audit

    if not settings.IS_DEMO:
        raise ImproperlyConfigured("the operator's account is for demos: use `manage.py staff enrol`")
    password, key = sys.stdin.read().split()
    with transaction.atomic():
        operator, _ = User.objects.get_or_create(username=OPERATOR)
        operator.is_staff = operator.is_superuser = True
        operator.set_password(password)
        operator.save()
        Authenticator.objects.filter(user=operator, type=Authenticator.Type.TOTP).delete()
        TOTP.activate(operator, key)
        audit.record("accounts.operator.prepared", operator.public_id)
        for listing in Listing.objects.filter(metadata__title__in=STAFF_PICKS, is_staff_pick=False):
            moderation.pick(listing, actor=operator, reason="For the demo's home page")


if __name__ == "__main__":
    main()
