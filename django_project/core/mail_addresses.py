"""Which mail addresses the site writes to, or in the name of: `name@host` of the open internet, in ASCII."""

import re

LONGEST = 254
_LONGEST_NAME = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_NAME = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_TOP = re.compile(r"(?:[A-Za-z]{2,63}|xn--[A-Za-z0-9-]{1,59})")
# Names for use inside a machine or a network, and those that no mail server can have.
_INSIDE = {"arpa", "internal", "invalid", "local", "localdomain", "localhost", "onion"}


def is_mail_address(text: str) -> bool:
    """Whether it is an address as mail servers on the internet have them (RFC 5321, section 4.1.2).

    Quoted names, address literals such as `[192.0.2.1]`, hosts of one word and those written in other
    scripts (instead of as `xn--…`) are none.
    """
    name, at, host = text.rpartition("@")
    *labels, top = host.split(".")
    return (
        bool(at and labels)
        and len(text) <= LONGEST
        and len(name) <= _LONGEST_NAME
        and _NAME.fullmatch(name) is not None
        and all(_LABEL.fullmatch(label) for label in labels)
        and _TOP.fullmatch(top) is not None
        and top.lower() not in _INSIDE
    )
