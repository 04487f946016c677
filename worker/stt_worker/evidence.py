"""Values that a script returns, made fit to be sent: plain, bounded, without stored passwords."""

from __future__ import annotations

import math
from typing import Any, cast

MAX_DEPTH = 8
MAX_ROWS = 50  # of evidence, per finding
MAX_TEXT_CHARACTERS = 4_000
HIDDEN = "****"
# Columns of the databases' own account tables that hold a password or its hash.
SECRET_COLUMNS = frozenset(
    {
        "authentication_string",
        "auth_string",
        "auth_or",
        "additional_password",
        "credentials",
        "passwd",
        "password",
        "password_hash",
        "priv",
        "pwd",
        "rolpassword",
        "secret",
        "storedkey",
        "serverkey",
        "token",
        "user_attributes",
    }
)
_SMALLEST, _GREATEST = -(2**63), 2**63 - 1


def text(value: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    """`value` as valid UTF-8 of at most `limit` characters."""
    short = value if len(value) <= limit else value[: limit - 1] + "…"
    return short.encode("utf-8", "replace").decode("utf-8")


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON can hold it; what stands under a secret's name is hidden."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if _SMALLEST <= value <= _GREATEST else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict) and depth < MAX_DEPTH:
        return {
            text(str(key)): HIDDEN if _is_secret(key, inner) else plain(inner, depth + 1)
            for key, inner in cast("dict[object, object]", value).items()
        }
    if isinstance(value, list | tuple) and depth < MAX_DEPTH:
        return [plain(inner, depth + 1) for inner in cast("list[object]", value)]
    return text(str(cast("object", value)))


def _is_secret(key: object, value: object) -> bool:
    # A flag, a count or emptiness says something of the password and is not one.
    is_remark = value == "" or isinstance(value, bool | int | None)
    return str(key).lower() in SECRET_COLUMNS and not is_remark


def rows(value: Any) -> tuple[dict[str, Any], ...]:
    """The rows of an `evidence`, at most MAX_ROWS and one that counts the rest.

    Raises ValueError if it is neither a list of dicts nor one dict.
    """
    found = cast("list[object]", value if isinstance(value, list) else [value])
    if not all(isinstance(row, dict) for row in found):
        raise ValueError("evidence is no list of dicts")
    shown = [plain(row) for row in found[:MAX_ROWS]]
    more = len(found) - MAX_ROWS
    return (*shown, {"rows_not_shown": more}) if more > 0 else tuple(shown)
