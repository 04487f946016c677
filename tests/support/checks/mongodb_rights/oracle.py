"""What a real MongoDB lets users do: they log in, do the deeds, and everything is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from stt_coordinator.local.servers.process import Running

Client = MongoClient[dict[str, Any]]
User = tuple[str, str, str]  # name, database, password
Documents = list[dict[str, Any]]
ROUNDS = 3
UNAUTHORIZED = {13}
THERE = {11000, 51002, 51003}  # a user, or its key, that was made before
REFUSED = {11, 18}  # of a log-in
STOLEN = "stolen"  # the password that an attacker sets
ROOT = {"role": "root", "db": "admin"}
OTHERS = ("odd1", "odd2")  # databases that no state names: what works in both, works everywhere
COLLECTION = "unusual"
DATABASES = ("admin", "shop", "crm", "config", "local")


class Oracle:
    """One server with access control; the harness is a member: it has the key."""

    def __init__(self, server: Running, key: str) -> None:
        self.server = server
        self.harness = self._client(("__system", "local", key))
        self.users: Documents = []
        self.roles: Documents = []

    def prepare(self) -> None:
        """Make what attackers look for; a state is made afterwards."""
        for name in OTHERS:
            self.harness[name][COLLECTION].replace_one({"_id": 1}, {"_id": 1}, upsert=True)
            self.harness[name].command("createUser", "odd", pwd="x", roles=[])

    def keep(self) -> None:
        """Remember users and roles, which `restore` brings back."""
        admin = self.harness.admin
        self.users, self.roles = (
            list(admin["system.users"].find()),
            list(admin["system.roles"].find()),
        )

    def restore(self) -> None:
        """Undo what an attacker did."""
        admin = self.harness.admin
        for name, kept in (("system.users", self.users), ("system.roles", self.roles)):
            now = {str(one["_id"]): one for one in admin[name].find()}
            for one in kept:
                if now.pop(str(one["_id"]), None) != one:
                    admin[name].replace_one({"_id": one["_id"]}, one, upsert=True)
            for left in now:
                admin[name].delete_one({"_id": left})
        for name in OTHERS:
            self.harness[name][COLLECTION].replace_one({"_id": 1}, {"_id": 1}, upsert=True)

    def gains(self, user: User) -> set[str]:
        """What the user gets to, alone or as others whose passwords it changes."""
        found: set[str] = set()
        known: list[User] = [user]
        with ExitStack() as opened:
            sessions: dict[User, Client | None] = {}
            for _ in range(ROUNDS):
                before = len(known)
                for one in list(known):
                    if one not in sessions:
                        sessions[one] = opened.enter_context(self._session(one))
                    session = sessions[one]
                    if session is None:
                        continue
                    if self._becomes_root(session, one):
                        return {"root"}
                    found |= self._deeds(session)
                    known += self._stolen(session, known)
                if len(known) == before:
                    break
        return found

    def _becomes_root(self, session: Client, user: User) -> bool:
        name, database, _ = user
        admin, filter_ = session.admin, {"_id": f"{database}.{name}"}
        template = next(one for one in self.users if one["_id"] == "odd1.odd")
        planted = {
            **template,
            "_id": "admin.planted",
            "user": "planted",
            "db": "admin",
            "roles": [ROOT],
        }
        _try(lambda: session[database].command("grantRolesToUser", name, roles=[ROOT]))
        _try(lambda: admin["system.users"].update_one(filter_, {"$push": {"roles": ROOT}}))
        _try(lambda: admin["system.users"].insert_one(dict(planted)))
        operation = {"op": "i", "ns": "admin.system.users", "o": planted}
        _try(lambda: admin.command("applyOps", [operation]))
        for one in self.roles:
            _push_root(session, {"role": one["role"], "db": one["db"]})
        for place in DATABASES:
            _grant(session, user, {"role": "dbOwner", "db": place})
            _grant(session, user, {"role": "userAdmin", "db": place})
        if self._has_root(session):
            return True
        with self._session(("planted", "admin", "x")) as other:
            return other is not None and self._has_root(other)

    def _has_root(self, session: Client) -> bool:
        """Whether it makes a user with root."""
        made = _try(lambda: session.admin.command("createUser", "made", pwd="x", roles=[ROOT]))
        self.harness.admin["system.users"].delete_one({"_id": "admin.made"})
        return made

    def _stolen(self, session: Client, known: Iterable[User]) -> list[User]:
        """Users whose passwords it changes; the harness is none of them."""
        found: list[User] = []
        names = {one[:2] for one in known}
        for one in self.users:
            name, database = one["user"], one["db"]
            if (name, database) in names:
                continue
            if _changes_password(session, name, database):
                found.append((name, database, STOLEN))
        return found

    def _deeds(self, session: Client) -> set[str]:
        return {gain for gain, deeds in DEEDS.items() if any(deed(session) for deed in deeds)}

    @contextmanager
    def _session(self, user: User) -> Iterator[Client | None]:
        client = self._client(user)
        try:
            client.admin.command("ping")
        except OperationFailure as error:
            if error.code not in REFUSED:
                raise
            yield None
        else:
            yield client
        finally:
            client.close()

    def _client(self, user: User) -> Client:
        name, database, password = user
        return Client(
            self.server.host,
            self.server.port,
            username=name,
            password=password,
            authSource=database,
            directConnection=True,
            retryWrites=False,
            serverMonitoringMode="poll",
        )


def _push_root(session: Client, role: dict[str, str]) -> None:
    roles = session.admin["system.roles"]
    _try(lambda: roles.update_one(role, {"$push": {"roles": ROOT}}))


def _grant(session: Client, user: User, role: dict[str, str]) -> None:
    _try(lambda: session[user[1]].command("grantRolesToUser", user[0], roles=[role]))


def _changes_password(session: Client, name: str, database: str) -> bool:
    return _try(lambda: session[database].command("updateUser", name, pwd=STOLEN))


def _try(deed: Callable[[], Any]) -> bool:
    """Whether the server let it be done."""
    try:
        deed()
    except OperationFailure as error:
        if error.code in UNAUTHORIZED:
            return False
        return error.code in THERE
    return True


def _allowed(database: str, command: dict[str, Any]) -> Callable[[Client], bool]:
    """A deed that the server refuses in any case, but with another error to those who may."""

    def deed(session: Client) -> bool:
        try:
            session[database].command(command)
        except OperationFailure as error:
            return error.code not in UNAUTHORIZED
        return True

    return deed


def _everywhere(command: dict[str, Any]) -> Callable[[Client], bool]:
    def deed(session: Client) -> bool:
        return all(_allowed(name, command)(session) for name in OTHERS)

    return deed


def _writes(database: str, collection: str) -> list[Callable[[Client], bool]]:
    nothing = {"_id": "nothing"}
    return [
        _allowed(database, {"insert": collection, "documents": [nothing]}),
        _allowed(
            database, {"update": collection, "updates": [{"q": nothing, "u": {"$set": {"a": 1}}}]}
        ),
        _allowed(database, {"delete": collection, "deletes": [{"q": nothing, "limit": 1}]}),
    ]


DEEDS: dict[str, list[Callable[[Client], bool]]] = {
    "reads_all_data": [_everywhere({"find": COLLECTION})],
    "changes_all_data": [
        _everywhere({"insert": COLLECTION, "documents": [{}]}),
        _everywhere({"update": COLLECTION, "updates": [{"q": {}, "u": {"$set": {"a": 1}}}]}),
        _everywhere({"delete": COLLECTION, "deletes": [{"q": {"_id": 0}, "limit": 1}]}),
        _everywhere({"drop": COLLECTION}),
        _everywhere({"dropDatabase": 1}),
        _everywhere({"convertToCapped": COLLECTION, "size": 4096}),
        _everywhere({"updateUser": "odd", "pwd": "x"}),
    ],
    "runs_the_cluster": [
        _allowed("admin", {"setParameter": 1, "quiet": False}),
        _allowed("admin", {"replSetReconfig": {}}),
        _allowed("admin", {"replSetStepDown": 1}),
        _allowed("admin", {"replSetUpdatePosition": 1}),
        _allowed("admin", {"setFeatureCompatibilityVersion": "none"}),
        *_writes("config", "shards"),
        *_writes("local", "oplog.rs"),
    ],
}
