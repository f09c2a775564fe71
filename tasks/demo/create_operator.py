"""Gives the demo's operator account the password on standard input: `python -m tasks.demo.create_operator`.

A process of its own, because it loads Django and the demo does not.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured

from tasks.demo.cast import OPERATOR


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
    django.setup()

    from django.conf import settings
    from django.db import transaction

    from django_project.accounts.models import User
    from django_project.core import audit

    if not settings.IS_DEMO:
        raise ImproperlyConfigured("the operator's account is for demos: use `manage.py createsuperuser`")
    with transaction.atomic():
        operator, _ = User.objects.get_or_create(username=OPERATOR)
        operator.is_staff = operator.is_superuser = True
        operator.set_password(sys.stdin.read().strip())
        operator.save()
        audit.record("accounts.operator.password_set", operator.public_id)


if __name__ == "__main__":
    main()
