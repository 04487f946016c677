"""Which named tests the privileges of a role pass, as the server evaluates resource patterns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ANY = "*"  # every database but the two below
APART = frozenset({"local", "config"})  # a pattern for all databases does not mean these
SYSTEM = "system."  # such a collection is meant by its name alone
EVERY_ACTION = "anyAction"

Pattern = tuple[str, ...]  # ("any",), ("cluster",), or ("in", database, collection)


@dataclass(frozen=True, slots=True)
class Rules:
    """The document of a query, read once."""

    tests: Mapping[str, tuple[dict[str, Any], ...]]
    passwords: frozenset[str]
    databases: frozenset[str]
    mechanisms: tuple[str, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Rules:
        """The rules of a document that `privilege_tests.fault` accepts."""
        return cls(
            tests={name: tuple(one) for name, one in document["tests"].items()},
            passwords=frozenset(document.get("passwords", ())),
            databases=frozenset(document.get("databases", ())),
            mechanisms=tuple(sorted(document.get("mechanisms", ()))),
        )


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role gives: tests that it passes, and databases, where ANY stands for all.

    `acts` are those whose users' passwords it may change, `works` those whose data it may use.
    """

    tests: frozenset[str] = frozenset()
    acts: frozenset[str] = frozenset()
    works: frozenset[str] = frozenset()

    def with_(self, other: Rights) -> Rights:
        """What both give together."""
        return Rights(self.tests | other.tests, self.acts | other.acts, self.works | other.works)


def pattern(resource: Mapping[str, Any]) -> Pattern | None:
    """The pattern that a resource document means; None for one that no test is about."""
    if resource.get("anyResource") is True:
        return ("any",)
    if resource.get("cluster") is True:
        return ("cluster",)
    database, collection = resource.get("db"), resource.get("collection")
    if isinstance(database, str) and isinstance(collection, str):
        return ("in", database, collection)
    return None


def covering(target: Pattern) -> list[Pattern]:
    """The patterns that the server looks up for a target, in `buildResourceSearchList`."""
    found: list[Pattern] = [("any",)]
    if target[0] == "in":
        _, database, collection = target
        system = collection.startswith(SYSTEM)
        if not system and database not in APART:
            found.append(("in", "", ""))
        if collection and not system:
            found.append(("in", database, ""))
        if collection:
            found.append(("in", "", collection))
    return [*found, target]


def evaluate(rules: Rules, privileges: Iterable[Mapping[str, Any]], roles: Iterable[str]) -> Rights:
    """What privileges give, with the names (role@database) of the roles they come from."""
    held: dict[Pattern, set[str]] = {}
    for one in privileges:
        where = pattern(one["resource"])
        if where is not None:
            held.setdefault(where, set()).update(one["actions"])
    names = frozenset(roles)
    passed = {
        name
        for name, alternatives in rules.tests.items()
        if any(_passes(held, names, one) for one in alternatives)
    }
    acts, works = _databases(held, rules.passwords, whole=True), _databases(held, rules.databases)
    return Rights(frozenset(passed), acts, works)


def _passes(
    held: Mapping[Pattern, set[str]], names: frozenset[str], alternative: Mapping[str, Any]
) -> bool:
    if "role" in alternative:
        return alternative["role"] in names
    target = pattern(alternative["resource"])
    wanted = {*alternative["actions"], EVERY_ACTION}
    return target is not None and any(
        not wanted.isdisjoint(held[one]) for one in covering(target) if one in held
    )


def _databases(
    held: Mapping[Pattern, set[str]], actions: frozenset[str], *, whole: bool = False
) -> frozenset[str]:
    """The databases where one of the actions is allowed; `whole`: on the database itself."""
    wanted = actions | {EVERY_ACTION}
    found: set[str] = set()
    for where, allowed in held.items():
        if where == ("cluster",) or wanted.isdisjoint(allowed):
            continue
        if where == ("any",):
            found |= {ANY, *APART}
        elif not where[2] or not (whole or where[2].startswith(SYSTEM)):
            found.add(where[1] or ANY)
    return frozenset(found)
