"""What a value of a setting must be: each rule says the fault, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.pack.minisign import MinisignError, parse_public_key
from stt_shared.telemetry.logs import FORMATS, LEVELS

MAX_CONCURRENCY = 256
NATS_URL = re.compile(r"(nats|tls)://[^\s/,]+/?|[^\s/:,@]+(:\d{1,5})?")

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
    good = all(NATS_URL.fullmatch(part.strip()) for part in str(value).split(","))
    return "" if good else "expected nats://HOST:PORT or tls://HOST:PORT, separated by commas"


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
}
