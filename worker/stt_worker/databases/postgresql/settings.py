"""SHOW ALL with the values of the server, or a failure if the account hides them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stt_shared.protocol.enums import Kind
from stt_shared.report.readable import first_names
from stt_worker.databases.port import Failure, Row, Rows

MAX_NAMES = 5  # of hidden settings, in a reason
# Sources of a value that belongs to the account or the database and hides the server's.
_OWN = frozenset({"database", "user", "database user", "client", "session", "interactive"})
# Set by the worker or by `stt grants`: other accounts have the built-in default.
_KNOWN = frozenset({"application_name", "default_transaction_read_only"})
_ENCODING = "client_encoding"
_READ_ONLY = "transaction_read_only"  # follows default_transaction_read_only


def of_server(rows: Iterable[Row]) -> Rows | Failure:
    """Rows of name, setting and description from the rows of the statement `settings`.

    A failure of kind `session` if the role or the database has its own values: only a superuser
    can read the server's values then, and a script must not mistake one for the other.
    """
    found = {str(row["name"]): row for row in rows}
    own = [name for name, row in found.items() if row["source"] in _OWN]
    hidden = [name for name in own if name not in _KNOWN and name != _ENCODING]
    if hidden:
        names = first_names(hidden, MAX_NAMES)
        why = f"values of this account or its database hide the server's: {names}"
        return Failure(kind=Kind.SESSION, reason=why)
    values: dict[str, Any] = {name: row["setting"] for name, row in found.items()}
    values |= {name: found[name]["boot"] for name in own if name in _KNOWN}
    if _ENCODING in own:
        values[_ENCODING] = values.get("server_encoding")
    if _READ_ONLY in values:
        values[_READ_ONLY] = values.get("default_transaction_read_only")
    return [
        {"name": name, "setting": values[name], "description": row["description"]}
        for name, row in found.items()
    ]
