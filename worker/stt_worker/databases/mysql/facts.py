"""The facts of a MySQL server, from its version texts and variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stt_shared.protocol.messages import Facts
from stt_worker.databases import products
from stt_worker.databases.products import Relation

_READ_ONLY = ("read_only", "innodb_read_only")
_DOTTED = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){1,3}")
# MariaDB before 11 prefixes its version with this, for clients that know no version above 5.
_OLD_CLIENT_PREFIX = re.compile(r"^5\.5\.5-(?=\d)")


def facts(row: Mapping[str, Any], *, aurora: bool = False) -> Facts:
    """The facts in the answer to the statement `facts`; missing values count as unknown."""
    version, comment = str(row.get("version") or ""), str(row.get("comment") or "")
    product = products.find(products.MYSQL, f"{version} {comment}")
    return Facts(
        flavour=flavour(version, comment),
        version=numbers(version),
        version_text=f"{version} {comment}".strip(),
        provider="aurora" if aurora else provider(version, row),
        # An Aurora reader sets the variable of its storage engine only.
        role="replica" if {"1", "ON"} & {str(row.get(key) or 0) for key in _READ_ONLY} else "",
        build=products.build(product, is_known=products.is_known_mysql(version, comment)),
    )


def flavour(version: str, comment: str) -> str:
    """mysql, percona, mariadb, or the name of another server with their protocol."""
    product = products.find(products.MYSQL, f"{version} {comment}")
    if product is not None and product.relation is not Relation.EDITION:
        return product.name
    # Only VERSION() counts: the packager sets the comment of MariaDB.
    if "mariadb" in version.lower():
        return "mariadb"
    return "percona" if "percona" in comment.lower() else "mysql"


def numbers(version: str) -> tuple[int, ...]:
    """The version numbers: `5.5.5-10.6.4-MariaDB-log` is (10, 6, 4)."""
    found = _DOTTED.match(_OLD_CLIENT_PREFIX.sub("", version.strip()))
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def provider(version: str, row: Mapping[str, Any]) -> str:
    """Who operates the server, recognised by its paths and version."""
    paths = f"{row.get('basedir') or ''} {row.get('datadir') or ''}"
    if "/rdsdbbin" in paths or "/rdsdbdata" in paths:
        return "rds"
    if "-google" in version:
        return "cloudsql"
    return "azure" if "-azure" in version else "self-managed"
