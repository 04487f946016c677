"""What a value of a setting must be: each rule says the fault, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

from stt_shared import nats_address
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.pack.minisign import MinisignError, parse_public_key
from stt_shared.protocol.enums import Severity
from stt_shared.telemetry.logs import FORMATS, LEVELS

MAX_CONCURRENCY = 256
MAX_PORT = 65_535
MAX_REMIND_H = 8_760  # a year
MIN_WEBHOOK_SECRET = 16  # characters
LOOPBACK = ("127.0.0.1", "::1", "localhost")
HEADER = re.compile(r"[A-Za-z0-9-]{1,80}")
MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9.-]+")

Rule = Callable[[Any], str]  # a fault of the value, or an empty text


def anything(_value: Any) -> str:
    """No rule."""
    return ""


def _one_of(words: tuple[str, ...]) -> Rule:
    def rule(value: Any) -> str:
        return "" if value in words else "expected one of " + ", ".join(words)

    return rule


def _between(low: float, high: float) -> Rule:
    def rule(value: Any) -> str:
        return "" if low <= value <= high else f"expected {low} to {high}"

    return rule


def _token(value: Any) -> str:
    return "" if is_token(value) else f"expected {TOKEN_RULE}"


def _nats_urls(value: Any) -> str:
    try:
        nats_address.parse(value)
    except ValueError as error:
        return str(error)
    return ""


def _token_or_empty(value: Any) -> str:
    return "" if value == "" else _token(value)


def _public_keys(value: Any) -> str:
    for key in value:
        try:
            parse_public_key(key)
        except MinisignError as error:
            return f"{key!r:.80} is no public key: {error}"
    return ""


def _pack_source(value: Any) -> str:
    scheme = re.match(r"([a-z][a-z0-9+.-]*)://", value, re.IGNORECASE)
    if scheme is not None and scheme[1].lower() != "https":
        return "expected built-in, the path of a folder or file, or an https:// address"
    if scheme is not None and "@" in value.partition("://")[2].partition("/")[0]:
        return "expected an address without user and password"
    return "" if value else "expected built-in, a path, or an https:// address"


def _split(value: str) -> SplitResult | None:
    """The parts of an address that has a host and a port that can be; None if it has not."""
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


def _web_address_or_empty(value: Any) -> str:
    return "" if value == "" else _web_address(value)


def _web_addresses(value: Any) -> str:
    return next((fault for fault in map(_web_address, value) if fault), "")


def _webhook(value: Any) -> str:
    """Findings leave the house: over TLS, except to this machine."""
    if value == "":
        return ""
    parts = _split(value)
    plain = parts is not None and parts.scheme == "http" and parts.hostname in LOOPBACK
    good = parts is not None and (parts.scheme == "https" or plain)
    if parts is not None and parts.username is not None:
        return "expected an address without user and password; they would not be sent"
    return "" if good else "expected https://HOST/PATH"


def _webhook_secret(value: Any) -> str:
    good = value == "" or len(value) >= MIN_WEBHOOK_SECRET
    return "" if good else f"expected at least {MIN_WEBHOOK_SECRET} characters"


def _networks(value: Any) -> str:
    for one in value:
        try:
            ip_network(one)
        except ValueError:
            return f"{one!r:.80} is no address and no network such as 10.1.2.0/24"
    return ""


def _header_or_empty(value: Any) -> str:
    good = value == "" or HEADER.fullmatch(value)
    return "" if good else "expected the name of a header, for example X-Forwarded-User"


def _host_and_port(value: Any) -> str:
    host, _, port = value.rpartition(":")
    good = (
        host and "@" not in host and port.isascii() and port.isdigit() and 0 < int(port) <= MAX_PORT
    )
    return "" if value == "" or good else "expected HOST:PORT"


def _mail_address(value: Any) -> str:
    good = value == "" or MAIL_ADDRESS.fullmatch(value)
    return "" if good else "expected an address such as dba@example.com"


def _mail_addresses(value: Any) -> str:
    return next((fault for fault in map(_mail_address, value) if fault), "")


RULES: dict[str, Rule] = {
    "log.level": _one_of(tuple(LEVELS)),
    "log.format": _one_of(FORMATS),
    "nats.url": _nats_urls,
    "nats.timeout_s": _between(0.1, 300),
    "coordinator.replicas": _between(0, 5),
    "worker.name": _token_or_empty,
    "worker.site": _token,
    "worker.concurrency": _between(1, MAX_CONCURRENCY),
    "pack.source": _pack_source,
    "pack.keys": _public_keys,
    "pack.name": _token,
    "worker.grace_s": _between(0, 3600),
    "web.trusted_proxies": _networks,
    "web.proxy_user_header": _header_or_empty,
    "web.proxy_role_header": _header_or_empty,
    "alerts.severity": _one_of(tuple(Severity)),
    "alerts.page_url": _web_address_or_empty,
    "alerts.alertmanager": _web_addresses,
    "alerts.alertmanager_every_s": _between(1, 3600),
    "alerts.webhook": _webhook,
    "alerts.webhook_secret": _webhook_secret,
    "alerts.smtp": _host_and_port,
    "alerts.smtp_tls": _one_of(("starttls", "tls", "off")),
    "alerts.mail_from": _mail_address,
    "alerts.mail_to": _mail_addresses,
    "alerts.mail_every_s": _between(1, 86_400),
    "alerts.remind_critical_h": _between(0, MAX_REMIND_H),
    "alerts.remind_major_h": _between(0, MAX_REMIND_H),
    "alerts.remind_trivial_h": _between(0, MAX_REMIND_H),
    "history.full_days": _between(7, 400),
    "history.daily_days": _between(30, 3660),
}
