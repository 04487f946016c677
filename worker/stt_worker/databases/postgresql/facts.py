"""The facts of a PostgreSQL server, from the row of the statement `facts`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stt_shared.protocol.messages import Facts
from stt_worker.databases import products
from stt_worker.databases.products import Relation

MAJOR = 10_000  # server_version_num is major * 10000 + minor
POSTGRESQL = "postgresql"
_NUMBER = re.compile(r"[0-9]{1,9}")
_IN_TEXT = re.compile(r"PostgreSQL ([0-9]{1,9})(?:\.([0-9]{1,9}))?")
# By the superuser that initdb created: only the provider can choose its name.
_BOOTSTRAP = {
    "rdsadmin": "rds",
    "cloudsqladmin": "cloudsql",
    "azuresu": "azure",
    "azure_superuser": "azure",
    "alloydbadmin": "alloydb",
    "cloud_admin": "neon",
    "supabase_admin": "supabase",
}


def facts(row: Mapping[str, Any]) -> Facts:
    """The facts in the answer to the statement `facts`; missing values count as unknown."""
    text = str(row.get("version") or "")
    standby, product = row.get("standby"), products.find(products.POSTGRESQL, text)
    return Facts(
        flavour=flavour(text),
        version=version(row.get("number"), text),
        version_text=text,
        provider=provider(row),
        role="" if standby is None else ("standby" if standby else "primary"),
        # Without a text nothing was read: nothing says that the build is another one.
        build=products.build(product, is_known=not text or products.is_known_postgresql(text)),
    )


def flavour(text: str) -> str:
    """postgresql, or the name of another server with its protocol."""
    product = products.find(products.POSTGRESQL, text)
    is_other = product is not None and product.relation is not Relation.EDITION
    return product.name if product is not None and is_other else POSTGRESQL


def version(number: Any, text: str) -> tuple[int, ...]:
    """(major, minor) from `server_version_num`, or from the text if there is no number."""
    if _NUMBER.fullmatch(str(number)) and int(number) >= MAJOR:
        return divmod(int(number), MAJOR)
    found = _IN_TEXT.search(text)
    return tuple(int(part) for part in found.groups() if part) if found else ()


def provider(row: Mapping[str, Any]) -> str:
    """Who operates the server, by its bootstrap superuser: an attacker cannot choose its name."""
    if row.get("aurora"):
        return "aurora"
    return _BOOTSTRAP.get(str(row.get("bootstrap") or ""), "self-managed")
