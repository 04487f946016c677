"""Generates names for scanned URLs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from stt_shared.identity import MAX_CHARACTERS, token_of
from stt_worker.databases.port import Endpoint


def names_of(endpoints: Iterable[Endpoint]) -> list[str]:
    """One token per endpoint, `<family>-<host>-<port>`; equal names get a number."""
    names: list[str] = []
    times: Counter[str] = Counter()
    for endpoint in endpoints:
        place = endpoint.socket or f"{endpoint.host}-{endpoint.port}"
        name = token_of(f"{endpoint.family}-{place}", str(endpoint.family))
        times[name] += 1
        number = f"-{times[name]}" if times[name] > 1 else ""
        names.append(name[: MAX_CHARACTERS - len(number)] + number)
    return names
