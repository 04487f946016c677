"""All users and roles of a server, read in slices: there can be more than an answer holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import Binary
from bson.binary import UUID_SUBTYPE

from stt_shared.protocol.enums import Kind
from stt_worker.databases.mongodb.reach import Reach, User
from stt_worker.databases.mongodb.rights import Rules
from stt_worker.databases.mongodb.roles import ADMIN, Ask, Name, Roles, too_large
from stt_worker.databases.port import Failure, Rows

MOST_USERS = 400_000  # a bound alone: the memory of an inspection ends at fewer
BYTE = 256  # values of the first byte of an identifier
OTHER_BYTES = 15
PARTS = 4


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
    return failure or Reach(rules, users.found, roles).rows()


class _Users:
    """The users read so far; equal lists of roles are one object."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.found: list[User] = []
        self.sets: dict[tuple[Name, ...], tuple[Name, ...]] = {}

    async def read(self, first: int = 0, width: int = BYTE) -> Failure | None:
        """Read the users in whose identifier the first byte is one of `width` from `first` on.

        The identifier is a random UUID, which the server gives to each user: where an answer is
        too large, four of a quarter are asked for.
        """
        within = {} if width == BYTE else _beginning(first, width)
        failure = await self._read(within)
        if failure is None or not too_large(failure) or width == 1:
            return failure
        quarter = width // PARTS
        for start in range(first, first + width, quarter):
            if failure := await self.read(start, quarter):
                return failure
        # Users of servers that were older than 3.6, or written by hand, may have none.
        return None if within else await self._read({"$nor": [_beginning(0, BYTE)]})

    async def _read(self, within: dict[str, Any]) -> Failure | None:
        answer = await self._ask({"usersInfo": {"forAllDBs": True}, "filter": within}, ADMIN)
        if isinstance(answer, Failure):
            return answer
        if len(self.found) + len(answer["users"]) > MOST_USERS:
            return Failure(kind=Kind.TOO_LARGE, reason=f"more than {MOST_USERS} users")
        for one in answer["users"]:
            roles = tuple(Name(role["role"], role["db"]) for role in one["roles"])
            roles = self.sets.setdefault(roles, roles)
            mechanisms = tuple(sorted(one.get("mechanisms", ())))
            self.found.append(User(Name(one["user"], one["db"]), mechanisms, roles))
        return None


def _beginning(first: int, width: int) -> dict[str, Any]:
    lowest = bytes([first]) + bytes(OTHER_BYTES)
    highest = bytes([first + width - 1]) + bytes([BYTE - 1]) * OTHER_BYTES
    return {"userId": {"$gte": Binary(lowest, UUID_SUBTYPE), "$lte": Binary(highest, UUID_SUBTYPE)}}
