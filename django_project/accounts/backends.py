"""Two ways to be signed in, kept apart: a session opened in one is worth nothing in the other."""

from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import AnonymousUser

from django_project.accounts.models import User

WALLET_BACKEND = "django_project.accounts.backends.WalletBackend"
STAFF_BACKEND = "django_project.accounts.backends.StaffBackend"


class WalletBackend(BaseBackend):
    """Knows accounts that wallets open. It signs nobody in by itself: `accounts.services` does, by signature.

    An account that is made staff, or switched off, is signed out of every session that a wallet began.
    """

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True, is_staff=False, is_superuser=False).first()


class StaffBackend(ModelBackend):
    """Name and password, for staff alone; the second factor is asked for after it.

    An unknown name, a wallet's account, one that was closed and a wrong password take the same time, that of
    one hash, and are told in the same words.
    """

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        return super().user_can_authenticate(user) and isinstance(user, User) and user.is_staff
