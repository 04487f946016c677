"""The rights of roles, from `rolesInfo`: of built-in ones once, of others in lists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from stt_shared.protocol.enums import Kind
from stt_worker.databases.mongodb.rights import Rights, Rules, evaluate
from stt_worker.databases.port import Failure

# Where nobody has roles of his own: its built-in ones stand for those of every database but admin.
TEMPLATE = "stt_no_such_database"
ADMIN = "admin"
AT_ONCE = 500  # roles of one command; halved while the answer is too large

# Sends a command to a database and waits for the answer.
Ask = Callable[[dict[str, Any], str], Awaitable[dict[str, Any] | Failure]]


class Name(NamedTuple):
    """A role or user and its database."""

    name: str
    database: str

    def __str__(self) -> str:
        return f"{self.name}@{self.database}"


class Role(NamedTuple):
    """A role; `own` is what it has by itself or from built-in roles, `rights` what it has."""

    name: Name
    builtin: bool
    rights: Rights
    own: Rights
    roles: tuple[Name, ...] = ()
    privileges: tuple[Mapping[str, Any], ...] = ()


class Roles:
    """The roles that were asked for so far."""

    def __init__(self, ask: Ask, rules: Rules) -> None:
        self._ask, self._rules = ask, rules
        self._templates: dict[str, list[Mapping[str, Any]]] = {}
        self.known: dict[Name, Role] = {}
        self.unlisted = False  # roles that no user has may exist, too many to be listed

    async def built_in(self) -> Failure | None:
        """The built-in roles of databases, of which each has the same."""
        asked = {"rolesInfo": 1, "showBuiltinRoles": True, "showPrivileges": True}
        answer = await self._ask(asked, TEMPLATE)
        if isinstance(answer, Failure):
            return answer
        for one in answer["roles"]:
            if one["isBuiltin"]:
                self._templates[one["role"]] = one["inheritedPrivileges"]
        return None

    async def of_admin(self) -> set[Name] | Failure:
        """The names of all roles that somebody made in admin, whether or not a user has them."""
        answer = await self._ask({"rolesInfo": 1}, ADMIN)
        if isinstance(answer, Failure):
            self.unlisted = too_large(answer)
            return set() if self.unlisted else answer
        return {Name(one["role"], one["db"]) for one in answer["roles"]}

    def direct(self) -> set[Name]:
        """The roles that known ones have been granted, and that are not known themselves."""
        granted = {name for role in self.known.values() for name in role.roles}
        return granted - self.known.keys()

    async def learn(self, names: Iterable[Name]) -> Failure | None:
        """Ask for the roles of these names; one that does not exist gives nothing."""
        wanted: list[Name] = []
        for name in names:
            if name.database != ADMIN and name.name in self._templates:
                self.known[name] = self._from_template(name)
            elif name not in self.known:
                wanted.append(name)
        # The last are asked first; the order does not matter.
        size = AT_ONCE
        while wanted:
            batch = wanted[-size:]
            answer = await self._asked(batch)
            if isinstance(answer, Failure):
                if not too_large(answer) or len(batch) == 1:
                    return answer
                size = len(batch) // 2
                continue
            del wanted[-size:]
            for one in answer["roles"]:
                self._add(one)
        return None

    async def _asked(self, names: list[Name]) -> dict[str, Any] | Failure:
        listed = [{"role": one.name, "db": one.database} for one in names]
        return await self._ask({"rolesInfo": listed, "showPrivileges": True}, ADMIN)

    def _from_template(self, name: Name) -> Role:
        privileges = [_moved(one, name.database) for one in self._templates[name.name]]
        rights = evaluate(self._rules, privileges, [str(name)])
        return Role(name, builtin=True, rights=rights, own=rights)

    def _add(self, one: Mapping[str, Any]) -> None:
        name = Name(one["role"], one["db"])
        direct = tuple(Name(role["role"], role["db"]) for role in one["roles"])
        reached = [str(name), *(f"{role['role']}@{role['db']}" for role in one["inheritedRoles"])]
        rights = evaluate(self._rules, one["inheritedPrivileges"], reached)
        own = evaluate(self._rules, one["privileges"], [str(name)])
        self.known[name] = Role(
            name, one["isBuiltin"], rights, own, direct, tuple(one["privileges"])
        )


def _moved(privilege: Mapping[str, Any], database: str) -> dict[str, Any]:
    resource = dict(privilege["resource"])
    if resource.get("db") == TEMPLATE:
        resource["db"] = database
    return {"resource": resource, "actions": privilege["actions"]}


def too_large(failure: Failure) -> bool:
    """Whether an answer was larger than the server or this worker allows."""
    return failure.kind is Kind.TOO_LARGE or "BSONObjectTooLarge" in failure.reason
