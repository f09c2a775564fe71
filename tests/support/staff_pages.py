"""Staff's own pages as a browser walks them: the link, the password, the second factor."""

import time
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

from django.core.management import call_command
from django.test import Client

from tests.support.staff import PASSWORD, code_at

# What Django's test client answers with, which has no public name.
Reply = Any

SIGN_IN = "/staff/sign-in/"
FACTOR = "/staff/sign-in/second-factor/"
FACTORS = "/staff/second-factor/"
APP = "/staff/second-factor/app/"
AGAIN = "/staff/second-factor/again/"
RECOVERY = "/staff/second-factor/recovery-codes/"


def give_password(client: Client, name: str = "ines", password: str = PASSWORD, **more: str) -> Reply:
    return client.post(SIGN_IN, {"login": name, "password": password, **more})


def give_code(client: Client, code: str | None = None, page: str = FACTOR) -> Reply:
    return client.post(page, {"code": code or code_at(time.time())})


def signed_in() -> Client:
    client = Client()
    assert give_password(client)["Location"] == FACTOR
    assert give_code(client)["Location"] == "/admin/"
    return client


def twice(password: str) -> dict[str, str]:
    return {"new_password": password, "repeated": password}


def path(reply: Reply) -> str:
    assert reply.status_code == 302, reply.status_code
    return str(urlsplit(reply["Location"]).path)


def run(*words: str) -> str:
    out = StringIO()
    call_command("staff", *words, stdout=out)
    return out.getvalue()


def link_of(said: str) -> str:
    return urlsplit(said.split()[-1]).path


def messages_of(reply: Reply) -> str:
    return str(reply.content.decode())


def enrol(name: str = "ines") -> str:
    return link_of(run("enrol", name, "--superuser", "--reason", "the first operator"))
