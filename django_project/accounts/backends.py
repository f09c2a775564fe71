"""Who a session's account is, for those that a wallet signed in."""

from django.contrib.auth.backends import BaseBackend

from django_project.accounts.models import User


class WalletBackend(BaseBackend):
    """Knows accounts that wallets open. It signs nobody in by itself: `accounts.services` does, by signature.

    An account that is made staff, or switched off, is signed out of every session that a wallet began.
    """

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True, is_staff=False, is_superuser=False).first()
