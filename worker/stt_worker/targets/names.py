"""Names for what nobody named: a scanned URL, or the host that a worker runs on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from stt_shared.identity import is_token
from stt_worker.databases.port import Endpoint

MAX_CHARACTERS = 64


def token_of(text: str, otherwise: str) -> str:
    """`text` made a subject token; `otherwise` if nothing of it is left."""
    token = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:MAX_CHARACTERS].rstrip("-")
    return token if is_token(token) else otherwise


def names_of(endpoints: Iterable[Endpoint]) -> list[str]:
    """One token per endpoint, `<family>-<host>-<port>`; equal ones get a number."""
    names: list[str] = []
    times: Counter[str] = Counter()
    for endpoint in endpoints:
        place = endpoint.socket or f"{endpoint.host}-{endpoint.port}"
        name = token_of(f"{endpoint.family}-{place}", str(endpoint.family))
        times[name] += 1
        number = f"-{times[name]}" if times[name] > 1 else ""
        names.append(name[: MAX_CHARACTERS - len(number)] + number)
    return names
