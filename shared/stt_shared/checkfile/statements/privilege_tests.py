"""The document of a MONGODB_USERS query: named tests of privileges, with what counts beside them.

The worker asks the server with `usersInfo` and `rolesInfo` alone, whatever the document says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast

MAX_TESTS = 30
MAX_ITEMS = 100  # alternatives of a test, or texts of a list
MAX_TEXT = 200  # characters
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FIELDS = frozenset({"tests", "passwords", "databases", "mechanisms"})
_RESOURCES = ({"db", "collection"}, {"cluster"}, {"anyResource"})


def fault(document: Mapping[str, object]) -> str:
    """Why the document is not one; empty if it is."""
    if unknown := sorted(document.keys() - _FIELDS):
        return f"unknown field {unknown[0][:MAX_TEXT]!r}, known are {', '.join(sorted(_FIELDS))}"
    for field in sorted(_FIELDS - {"tests"}):
        if not _texts(document.get(field, [])):
            return f"{field} is not a list of at most {MAX_ITEMS} texts"
    tests = document.get("tests")
    if not isinstance(tests, dict) or not 0 < len(cast("dict[object, object]", tests)) <= MAX_TESTS:
        return f"tests is not a mapping of at most {MAX_TESTS} names to lists of privileges"
    for name, value in cast("dict[object, object]", tests).items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return f"the name of a test is {str(name)[:MAX_TEXT]!r}, expected a-z, 0-9 and _"
        if not _list(value, _alternative):
            return f"the test {name} is not a list of `role`, or of `resource` with `actions`"
    return ""


def _list(value: object, rule: Callable[[object], bool]) -> bool:
    if not isinstance(value, list):
        return False
    items = cast("list[object]", value)
    return len(items) <= MAX_ITEMS and all(map(rule, items))


def _text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()


def _texts(value: object) -> bool:
    return _list(value, _text)


def _alternative(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    fields = cast("dict[object, object]", value)
    if fields.keys() == {"role"}:
        return _text(fields["role"])
    resource = fields.get("resource")
    if fields.keys() != {"resource", "actions"} or not isinstance(resource, dict):
        return False
    parts = cast("dict[object, object]", resource)
    known = parts.keys() in _RESOURCES
    return (
        known
        and all(one is True or _text(one) for one in parts.values())
        and _texts(fields["actions"])
    )
