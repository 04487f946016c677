"""Decides which texts are a `read_more_url`: what PMM takes, less what runs code."""

from __future__ import annotations

import re

SCHEMES = ("http", "https", "ftp", "mailto")  # others, such as javascript, run code in a browser
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>.*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# As Go reads an authority: user information, then a host, or an IPv6 address in brackets, a port.
_HOST = re.compile(
    r"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*@)?"
    r"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=<>\"-]|[^\x00-\x7f]|%[89A-Fa-f][0-9A-Fa-f])*)"
    r"(?::[0-9]*)?"
)


def is_link(text: str) -> bool:
    """Whether `text` is an absolute URL of SCHEMES, or an absolute path, as Go reads a request."""
    if _CONTROL.search(text):
        return False
    found = _SCHEME.fullmatch(text)
    if found is None:
        return text.startswith("/") and not _BAD_ESCAPE.search(text.partition("?")[0])
    if found["scheme"].lower() not in SCHEMES:
        return False
    rest = found["rest"].partition("?")[0]
    if not rest.startswith("/"):
        return True  # opaque: mailto:dba@example.org
    if not rest.startswith("//"):
        return not _BAD_ESCAPE.search(rest)
    host, _, path = rest[2:].partition("/")
    return bool(_HOST.fullmatch(host)) and not _BAD_ESCAPE.search(path)
