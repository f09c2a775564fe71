"""Letters go to addresses of the open internet, written so that every mail server reads the same."""

import pytest

from django_project.core.mail_addresses import is_mail_address


@pytest.mark.parametrize(
    "address",
    [
        "ines@example.org",
        "i.nes+funds@mail.example.co.uk",
        "o'hara_{x}@xn--bcher-kva.example",
        "1@1.io",
        "ines@example.xn--fiqs8s",
        "a" * 64 + "@" + ".".join(["b" * 63, "c" * 63, "d" * 57, "org"]),
    ],
)
def test_what_servers_can_write_to(address: str) -> None:
    assert is_mail_address(address)


@pytest.mark.parametrize(
    "address",
    [
        *("", "ines", "@example.org", "ines@", "ines@@example.org", "a@b@example.org"),
        *("a@localhost", "a@LOCALHOST", "a@x.localhost", "a@printer.local", "a@db.internal", "a@a.onion"),
        *("a@[127.0.0.1]", "a@[IPv6:::1]", "a@127.0.0.1", "a@2130706433", "a@0x7f.1", "a@example.1"),
        *("a@example.org\n", "a@example.org\r\nBcc: b@example.org", "a\x00@example.org", "a@exa\x7fmple.org"),
        *("a b@example.org", " a@example.org", "a@example.org ", "a@example .org", "<a@example.org>"),
        *("a@例子.中国", "用户@example.org", "a@bücher.example", "a@ｅxample.org", "a@example。org"),
        *("a@exam\u200bple.org", "\u202ea@example.org", "a@example.org\u2060"),
        *(".a@example.org", "a.@example.org", "a..b@example.org", '"a b"@example.org', "a@example..org"),
        *("a@-example.org", "a@example-.org", "a@example.org.", "a@.example.org", "a@exa_mple.org"),
        *("a,b@example.org", "a;b@example.org", "a@example.org,b@example.org", "a(x)@example.org"),
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org",
        "a" * 64 + "@" + ".".join(["b" * 63, "c" * 63, "d" * 58, "org"]),
    ],
)
def test_what_they_cannot_or_should_not(address: str) -> None:
    assert not is_mail_address(address)
