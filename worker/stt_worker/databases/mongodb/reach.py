"""What users get to: their own rights, and those of users whose passwords they may change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from stt_worker.databases.mongodb.rights import ANY, APART, Rights, Rules, evaluate
from stt_worker.databases.mongodb.roles import ADMIN, Name, Role, Roles
from stt_worker.databases.port import Row, Rows

MOST_NAMED = 501  # users, or roles, of one reason: one more than a check can report
MOST_LISTED = 50  # roles or databases in a row
SEVERAL = 2
DATABASES, MECHANISMS = "databases", "mechanisms"  # reasons beside the names of tests
Named = TypeVar("Named")


@dataclass(slots=True)
class Alike:
    """The users of a database with the same roles and mechanisms: a count, and names.

    Of the names the first MOST_NAMED are kept: memory is bounded by how many kinds there are.
    """

    database: str
    mechanisms: tuple[str, ...]
    roles: tuple[Name, ...]
    count: int = 0
    _names: list[str] = field(default_factory=list[str])

    def add(self, name: str) -> None:
        """One user more."""
        self.count += 1
        self._names.append(name)
        if len(self._names) > 2 * MOST_NAMED:
            self._names = self.first()

    def first(self) -> list[str]:
        """The first names, in order."""
        return sorted(self._names)[:MOST_NAMED]

    @property
    def has_password(self) -> bool:
        """Whether the server keeps their passwords, which others may change."""
        return any(one.startswith("SCRAM") for one in self.mechanisms)


class User(NamedTuple):
    """A user that is named."""

    name: Name
    kind: Alike


class Reach:
    """All users with their rights, closed over passwords that may be changed."""

    def __init__(self, rules: Rules, users: Collection[Alike], roles: Roles) -> None:
        self._rules, self._roles = rules, roles
        self._users = users
        self._direct: dict[tuple[Name, ...], Rights] = {}
        self._tests: defaultdict[str, set[str]] = defaultdict(set)  # of the users of a database
        self._close()

    def rows(self) -> Rows:
        """The totals, then the users and the roles with a reason, at most MOST_NAMED of each."""
        counts, users = self._named_users()
        made = sorted(role for role in self._roles.known.values() if not role.builtin)
        role_counts, roles = self._named(made, self._own_tests)
        totals: Row = {
            "kind": "totals",
            "users": sum(kind.count for kind in self._users),
            "roles": len(made),
            "unlisted": self._roles.unlisted,
            "count": dict(counts),
            "role_count": dict(role_counts),
        }
        return [totals, *map(self._user_row, users), *map(self._role_row, roles)]

    def _named_users(self) -> tuple[Counter[str], list[User]]:
        counts: Counter[str] = Counter()
        first: list[User] = []
        for kind in self._users:
            if reasons := self._reasons(kind):
                counts.update(dict.fromkeys(reasons, kind.count))
                first += [User(Name(name, kind.database), kind) for name in kind.first()]
        first.sort(key=lambda user: user.name)
        return counts, self._named(first, lambda user: self._reasons(user.kind))[1]

    def _named(
        self, all_: Iterable[Named], reasons: Callable[[Named], Collection[str]]
    ) -> tuple[Counter[str], list[Named]]:
        counts: Counter[str] = Counter()
        named: list[Named] = []
        for one in all_:
            found = reasons(one)
            if any(counts[reason] < MOST_NAMED for reason in found):
                named.append(one)
            counts.update(found)
        return counts, named

    def _rights(self, kind: Alike) -> Rights:
        known = self._direct.get(kind.roles)
        if known is None:
            known = Rights()
            for name in kind.roles:
                if role := self._roles.known.get(name):
                    known = known.with_(role.rights)
            self._direct[kind.roles] = known
        return known

    def _close(self) -> None:
        """Give each database the tests of its users, and of those that these can become."""
        before: defaultdict[str, set[str]] = defaultdict(set)  # who gains what a database gains
        for kind in self._users:
            if not kind.has_password:
                continue
            rights, database = self._rights(kind), kind.database
            self._tests[database] |= rights.tests
            if database not in APART:
                before[database].add(ANY)
            for other in rights.acts:
                before[other].add(database)
        waiting = [name for name, tests in self._tests.items() if tests]
        while waiting:
            database = waiting.pop()
            for other in before[database]:
                if not self._tests[database] <= self._tests[other]:
                    self._tests[other] |= self._tests[database]
                    waiting.append(other)

    def _through(self, kind: Alike) -> dict[str, str]:
        """The tests that they pass as another one alone, with the other's database."""
        rights = self._rights(kind)
        found: dict[str, str] = {}
        for database in sorted(rights.acts & self._tests.keys()):
            for test in self._tests[database] - rights.tests:
                found.setdefault(test, database)
        return found

    def _works(self, kind: Alike) -> list[str]:
        return sorted(self._rights(kind).works - APART - {ADMIN})

    def _reasons(self, kind: Alike) -> set[str]:
        found = set(self._rights(kind).tests) | self._through(kind).keys()
        works = self._works(kind)
        if ANY in works or len(works) >= SEVERAL:
            found.add(DATABASES)
        if kind.mechanisms and kind.mechanisms == self._rules.mechanisms:
            found.add(MECHANISMS)
        return found

    def _own_tests(self, role: Role) -> set[str]:
        found = set(role.own.tests)
        return found.union(*(one.rights.tests for one in self._builtin(role)))

    def _builtin(self, role: Role) -> Iterator[Role]:
        for name in role.roles:
            known = self._roles.known.get(name)
            if known is not None and known.builtin:
                yield known

    def _user_row(self, user: User) -> Row:
        works, through = self._works(user.kind), self._through(user.kind)
        known = [self._roles.known[name] for name in user.kind.roles if name in self._roles.known]
        gains = [
            {
                "test": test,
                "through": through.get(test, ""),
                "roles": [_role(one) for one in known if _leads(one, test, through.get(test, ""))][
                    :MOST_LISTED
                ],
            }
            for test in sorted(self._rights(user.kind).tests | through.keys())
        ]
        return {
            "kind": "user",
            "user": user.name.name,
            "db": user.name.database,
            "mechanisms": list(user.kind.mechanisms),
            "gains": gains,
            "databases": works[:MOST_LISTED],
            "database_count": len(works),
            "roles": [_role(one) for one in known if one.rights.works][:MOST_LISTED],
        }

    def _role_row(self, role: Role) -> Row:
        privileges = [
            {**one, "tests": sorted(tests)}
            for one in role.privileges
            if (tests := evaluate(self._rules, [one], []).tests)
        ]
        builtin = [
            {**_role(one), "tests": sorted(one.rights.tests)}
            for one in self._builtin(role)
            if one.rights.tests
        ]
        return {
            "kind": "role",
            "role": role.name.name,
            "db": role.name.database,
            "tests": sorted(self._own_tests(role)),
            "privileges": privileges[:MOST_LISTED],
            "roles": builtin[:MOST_LISTED],
        }


def _leads(role: Role, test: str, through: str) -> bool:
    if through:
        acts = role.rights.acts
        return through in acts or (ANY in acts and through not in APART)
    return test in role.rights.tests


def _role(role: Role) -> Row:
    return {"role": role.name.name, "db": role.name.database, "builtin": role.builtin}
