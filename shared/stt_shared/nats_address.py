"""Parse addresses of NATS servers and their log-in, percent-decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

SCHEMES = ("nats", "tls")
MAX_PORT = 65_535
EXPECTED = "expected nats://HOST:PORT or tls://HOST:PORT, separated by commas"
ENCODE = "percent-encode user and password: @ is %40, : is %3A, / is %2F, % is %25, a comma is %2C"
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z]+)://)?(?:(?P<login>[^/?#@\s]*)@)?"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_ESCAPE_OF_NOTHING = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsAddress:
    """Servers as `scheme://host:port` without a log-in, and the log-in of all of them.

    `user` and `password`, or `token` alone, or neither.
    """

    servers: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def has_login(self) -> bool:
        """Whether the addresses contain a log-in."""
        return bool(self.user or self.token)


def parse(text: str) -> NatsAddress:
    """The servers in `text`, separated by commas.

    Raises ValueError whose message contains nothing of `text`.
    """
    found = [_one(part.strip()) for part in text.split(",")]
    if len({login for _, login in found}) > 1:
        raise ValueError("expected the same user and password in each address, or in none")
    servers = tuple(server for server, _ in found)
    login = found[0][1]
    if login is None:
        return NatsAddress(servers=servers)
    user, colon, password = login.partition(":")
    if not user:
        raise ValueError("expected a user before the @")
    if colon:
        return NatsAddress(servers=servers, user=_decoded(user), password=_decoded(password))
    return NatsAddress(servers=servers, token=_decoded(user))


def _one(text: str) -> tuple[str, str | None]:
    match = _ADDRESS.fullmatch(text)
    scheme = "" if match is None else (match["scheme"] or SCHEMES[0]).lower()
    if match is None or scheme not in SCHEMES:
        raise ValueError(f"{EXPECTED}; {ENCODE}" if "@" in text else EXPECTED)
    if match["port"] and not 1 <= int(match["port"]) <= MAX_PORT:
        raise ValueError(f"expected a port from 1 to {MAX_PORT}")
    port = f":{match['port']}" if match["port"] else ""
    return f"{scheme}://{match['host']}{port}", match["login"]


def _decoded(text: str) -> str:
    if _ESCAPE_OF_NOTHING.search(text):
        raise ValueError(f"its user or password has a % without two hexadecimal digits; {ENCODE}")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("its user or password is not UTF-8 when decoded") from None
