"""Who was turned away leaves a line that can be counted, and that names nobody."""

import pytest
from django.test import Client
from structlog.testing import capture_logs

from django_project.core import refusals
from tests.factories import World, backer_user
from tests.web.conftest import signed_in

pytestmark = pytest.mark.django_db


def refused(client: Client, method: str, path: str, **more: str) -> list[dict[str, object]]:
    with capture_logs() as lines:
        client.generic(method, path, "{}", content_type="application/json", headers=more)
    return [dict(line) for line in lines if line["event"] == "access.refused"]


def test_nobody_is_signed_in() -> None:
    (line,) = refused(Client(), "POST", "/api/v1/pledges")
    assert line == {
        "event": "access.refused",
        "log_level": "warning",
        "status": 401,
        "method": "POST",
        "route": "api/v1/pledges",
        "who": refusals.pseudonym("network:127.0.0.1"),
    }


def test_a_form_of_another_site() -> None:
    client = Client(enforce_csrf_checks=True)
    (line,) = refused(client, "POST", "/theme/")
    assert (line["status"], line["route"]) == (403, "theme/")


def test_an_account_at_the_admins_door() -> None:
    World()
    user = backer_user(1)
    (line,) = refused(signed_in(user), "GET", "/admin/core/job/")
    assert line["account"] == str(user.public_id)
    assert "backer-1" not in str(line)
    assert refused(Client(), "GET", "/admin/") == []


def test_what_is_answered_leaves_no_line() -> None:
    World()
    for path in ("/", "/nothing-here/", "/me/", "/api/v1/session"):
        assert refused(Client(), "GET", path) == []


def test_lines_are_written_in_logfmt(caplog: pytest.LogCaptureFixture) -> None:
    refusals.log("rate_limit.refused", limit='a "b"\nevent=sign_in.refused', kind="network")
    (line,) = caplog.messages
    assert line == 'event=rate_limit.refused limit="a \\"b\\"\\nevent=sign_in.refused" kind=network'
