"""Rules for values of settings: each returns the fault of the value, or an empty text."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from stt_shared import nats_address
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.pack.minisign import MinisignError, parse_public_key
from stt_shared.secret_references.reference import parse

MAX_PORT = 65_535
MIN_WEBHOOK_SECRET = 16  # characters
SUBJECT_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
HEADER = re.compile(r"[A-Za-z0-9-]{1,80}")
STORE_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]@]*)(:[0-9]*)?")  # of a postgresql:// address
STORE_SECRETS = {  # options of libpq
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
}
MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9.-]+")


def token(value: Any) -> str:
    """One token of a subject."""
    return "" if is_token(value) else f"expected {TOKEN_RULE}"


def tokens(value: Any) -> str:
    """A list of tokens of a subject."""
    return next((fault for fault in map(token, value) if fault), "")


def nats_urls(value: Any) -> str:
    """Addresses of NATS, separated by commas."""
    try:
        nats_address.parse(value)
    except ValueError as error:
        return str(error)
    return ""


def token_or_empty(value: Any) -> str:
    """One token of a subject, or empty."""
    return "" if value == "" else token(value)


def store_address_or_empty(value: Any) -> str:
    """A postgresql:// address without a password and other secrets, or empty."""
    scheme, slashes, rest = str(value).partition("://")
    if value == "":
        return ""
    wrong = "expected postgresql://USER@HOST/DATABASE"
    if not slashes or scheme not in ("postgresql", "postgres"):
        return wrong
    # As libpq reads it, not urlsplit: `?` and `#` may be part of a user or a password.
    login, at, after = rest.partition("@")
    if not at or "/" in login:
        login, after = "", rest
    place, _, query = after.partition("?")
    options = [option.partition("=") for option in query.split("&")] if query else []
    named = {unquote(name).lower() for name, _, _ in options}
    # A colon before a later `@`: most probably a password with a character that is not escaped.
    if ":" in login or ":" in place.rpartition("@")[0] or named & STORE_SECRETS:
        return "expected an address without a password; set coordinator.store_password"
    hosts = place.partition("/")[0].split(",")
    good = all(STORE_HOST.fullmatch(host) for host in hosts) and all(
        is_set for _, is_set, _ in options
    )
    return "" if good else wrong


def secret_reference(value: Any) -> str:
    """A reference to a secret, or the secret itself."""
    try:
        parse(value, Path())
    except ValueError as error:
        return f"expected file:PATH, env:NAME, cred:NAME or exec:/PROGRAM ARGUMENTS, not {error}"
    return ""


def domain(value: Any) -> str:
    """A JetStream domain, or empty."""
    good = value == "" or SUBJECT_TOKEN.fullmatch(value)
    return "" if good else "expected one token of letters, digits, _ and -"


def subject(value: Any) -> str:
    """A subject without wildcards."""
    good = all(SUBJECT_TOKEN.fullmatch(token) for token in value.split("."))
    return "" if good else "expected tokens of letters, digits, _ and -, separated by dots"


def public_keys(value: Any) -> str:
    """Public keys of minisign."""
    for key in value:
        try:
            parse_public_key(key)
        except MinisignError as error:
            return f"{key!r:.80} is not a minisign public key: {error}"
    return ""


def pack_source(value: Any) -> str:
    """`built-in`, a path, or an https address without a log-in."""
    scheme = re.match(r"([a-z][a-z0-9+.-]*)://", value, re.IGNORECASE)
    if scheme is not None and scheme[1].lower() != "https":
        return "expected built-in, the path of a folder or file, or an https:// address"
    if scheme is not None and "@" in value.partition("://")[2].partition("/")[0]:
        return "expected an address without user and password"
    return "" if value else "expected built-in, a path, or an https:// address"


def _split(value: str) -> SplitResult | None:
    """The parts of an address; None if its host is missing or its port is invalid."""
    try:
        parts = urlsplit(value)
        good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if good else None


def _web_address(value: Any) -> str:
    parts = _split(value)
    if parts is None or parts.scheme not in ("http", "https"):
        return "expected https://HOST or http://HOST"
    extra = parts.username or parts.password or parts.query or parts.fragment
    return "expected an address without user, password, ? and #" if extra else ""


def web_address_or_empty(value: Any) -> str:
    """An http or https address, or empty."""
    return "" if value == "" else _web_address(value)


def web_addresses(value: Any) -> str:
    """A list of http or https addresses."""
    return next((fault for fault in map(_web_address, value) if fault), "")


def webhook(value: Any) -> str:
    """An https address, or http on this machine, or empty: findings leave over TLS only."""
    if value == "":
        return ""
    parts = _split(value)
    plain = parts is not None and parts.scheme == "http" and parts.hostname in LOOPBACK
    good = parts is not None and (parts.scheme == "https" or plain)
    if parts is not None and parts.username is not None:
        return "expected an address without user and password; they would not be sent"
    return "" if good else "expected https://HOST/PATH"


def webhook_secret(value: Any) -> str:
    """A key of at least MIN_WEBHOOK_SECRET characters, or empty."""
    good = value == "" or len(value) >= MIN_WEBHOOK_SECRET
    return "" if good else f"expected at least {MIN_WEBHOOK_SECRET} characters"


def networks(value: Any) -> str:
    """IP addresses or networks."""
    for one in value:
        try:
            ip_network(one)
        except ValueError:
            return f"{one!r:.80} is not an IP address or a network such as 10.1.2.0/24"
    return ""


def header_or_empty(value: Any) -> str:
    """The name of an HTTP header, or empty."""
    good = value == "" or HEADER.fullmatch(value)
    return "" if good else "expected the name of a header, for example X-Forwarded-User"


def host_and_port(value: Any) -> str:
    """`host:port`, or empty."""
    host, _, port = value.rpartition(":")
    good = (
        host and "@" not in host and port.isascii() and port.isdigit() and 0 < int(port) <= MAX_PORT
    )
    return "" if value == "" or good else "expected HOST:PORT"


def mail_address(value: Any) -> str:
    """A mail address, or empty."""
    good = value == "" or MAIL_ADDRESS.fullmatch(value)
    return "" if good else "expected an address such as dba@example.com"


def mail_addresses(value: Any) -> str:
    """A list of mail addresses."""
    return next((fault for fault in map(mail_address, value) if fault), "")
