"""Staff, and the time that their codes are told by."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_project.accounts.models import User
from tests.support.staff import PASSWORD, add_app


@pytest.fixture
def _quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ines(_quick_hashes: None) -> User:
    user = User.objects.create_superuser("ines", password=PASSWORD)
    add_app(user)
    return user


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the time that codes and proofs are told by; codes that were used stay used."""
    real, moved = time.time, [0.0]

    def move(by: timedelta) -> None:
        moved[0] += by.total_seconds()

    monkeypatch.setattr(time, "time", lambda: real() + moved[0])
    monkeypatch.setattr(timezone, "now", lambda now=timezone.now: now() + timedelta(seconds=moved[0]))
    return move
