"""All users and roles of a server, read in slices: there can be more than an answer holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import Binary
from bson.binary import UUID_SUBTYPE

from stt_worker.databases.mongodb.reach import Alike, Reach
from stt_worker.databases.mongodb.rights import Rules
from stt_worker.databases.mongodb.roles import ADMIN, Ask, Name, Roles, too_large
from stt_worker.databases.port import Failure, Rows

BYTE = 256  # values of the first byte of an identifier
OTHER_BYTES = 15
PARTS = 4

_Kind = tuple[str, tuple[str, ...], tuple[Name, ...]]  # database, mechanisms, roles


async def rows(ask: Ask, document: Mapping[str, Any]) -> Rows | Failure:
    """The answer to a MONGODB_USERS query, or the first failure."""
    rules = Rules.of(document)
    users, roles = _Users(ask), Roles(ask, rules)
    failure = await users.read() or await roles.built_in()
    if failure is not None:
        return failure
    made = await roles.of_admin()
    if isinstance(made, Failure):
        return made
    failure = await roles.learn(made.union(*users.sets)) or await roles.learn(roles.direct())
    return failure or Reach(rules, users.found.values(), roles).rows()


class _Users:
    """The users read so far, those that are alike together; equal lists of roles are one object."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.found: dict[_Kind, Alike] = {}
        self.sets: dict[tuple[Name, ...], tuple[Name, ...]] = {}

    async def read(self) -> Failure | None:
        """Read all users: at once, or where an answer is too large in slices of four times less.

        The identifier is a random UUID, which the server gives to each user: a slice has those
        whose first byte is one of `width` from `first` on.
        """
        first, width = 0, BYTE
        while first < BYTE:
            failure = await self._read({} if width == BYTE else _beginning(first, width))
            if failure is None:
                first += width
            elif too_large(failure) and width > 1:
                width //= PARTS  # nothing of this slice was kept; larger ones are not tried again
            else:
                return failure
        # Users of servers that were older than 3.6, or written by hand, may have no identifier.
        return None if width == BYTE else await self._read({"$nor": [_beginning(0, BYTE)]})

    async def _read(self, within: dict[str, Any]) -> Failure | None:
        answer = await self._ask({"usersInfo": {"forAllDBs": True}, "filter": within}, ADMIN)
        if isinstance(answer, Failure):
            return answer
        for one in answer["users"]:
            roles = tuple(Name(role["role"], role["db"]) for role in one["roles"])
            roles = self.sets.setdefault(roles, roles)
            kind = one["db"], tuple(sorted(one.get("mechanisms", ()))), roles
            known = self.found.get(kind)
            if known is None:
                known = self.found[kind] = Alike(*kind)
            known.add(one["user"])
        return None


def _beginning(first: int, width: int) -> dict[str, Any]:
    lowest = bytes([first]) + bytes(OTHER_BYTES)
    highest = bytes([first + width - 1]) + bytes([BYTE - 1]) * OTHER_BYTES
    return {"userId": {"$gte": Binary(lowest, UUID_SUBTYPE), "$lte": Binary(highest, UUID_SUBTYPE)}}
