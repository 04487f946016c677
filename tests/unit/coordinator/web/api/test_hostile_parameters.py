"""No parameter of any address is an internal error: what cannot be used is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.support.coordinator.visitors import HTML, JSON, Client, visiting

MANY = str(10**30)
VALUES = (
    MANY,
    "-" + MANY,
    "9" * 5_000,
    "1e400",
    "NaN",
    "\x00",
    "\ud7ff",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31",
    "[" * 2_000,
)
DEEP = b"[" * 50_000
INTERNAL = 500


def addresses(client: Client, method: str) -> Iterator[tuple[str, list[str]]]:
    """Every address of a method with its query parameters; those of its path are filled in."""
    found: Any = client.app.openapi_schema.to_schema()
    for path, operations in found["paths"].items():
        if method in operations:
            parameters = operations[method].get("parameters", [])
            names = [one["name"] for one in parameters if one["in"] == "query"]
            yield re.sub(r"{[^}]*}", MANY, path), names


async def test_numbers_and_instants_of_any_size_are_refused_or_answered() -> None:
    async with visiting() as client:
        for path, names in addresses(client, "get"):
            for name in names:
                for value in VALUES:
                    for accept in (JSON, HTML):
                        reply = await client.get(path, params={name: value}, headers=accept)
                        assert reply.status_code != INTERNAL, (path, name, value, reply.text)


async def test_bodies_that_are_nested_too_deep_or_of_any_size_are_refused() -> None:
    bodies = (DEEP, b'{"a":' * 20_000, b"{}", b"[]", b'{"reason": ' + DEEP, b"\xff")
    typed = {**JSON, "content-type": "application/json"}
    async with visiting() as client:
        for path, _ in addresses(client, "post"):
            for body in bodies:
                reply = await client.post(path, content=body, headers=typed)
                assert reply.status_code != INTERNAL, (path, body[:40], reply.text)
