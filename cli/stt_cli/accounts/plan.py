"""The accounts to print: their crossings, users and limits, in no format yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stt_shared.protocol import accounts
from stt_shared.protocol.accounts import OWNER, Crossing
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.subjects import js_api

MAX_WORKER_CONNECTIONS = 2  # a reconnect comes before the server misses the old connection
MAX_WORKER_SUBSCRIPTIONS = 32
MAX_WORKER_PAYLOAD = 1_048_576  # bytes
COORDINATOR = "STT-coordinator"  # the file of the coordinator's key
STANDARD, LEAF = "STANDARD", "LEAFNODE"
SYSTEM = "STT-system"  # operator mode: the account in which the server reports about itself
HUB = "hub"  # names the API of the hub at a leaf; the hub needs no domain of that name
API, HUB_API = js_api(""), js_api("", HUB)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of an account: the file of its secret, and how it may connect."""

    file: str
    connection: str = ""  # the only type of connection; empty: any that the account allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account; `leaf` is whether a leaf node may link to it."""

    name: str
    users: tuple[User, ...]
    imports: tuple[Crossing, ...] = ()
    exports: tuple[Crossing, ...] = ()
    bounded: bool = False  # limits of connections, subscriptions and payload
    leaf: bool = False

    @property
    def owner(self) -> bool:
        """Whether it holds the streams."""
        return self.name == OWNER

    @property
    def connections(self) -> int:
        """How many connections a bounded account may have: the server counts links as well."""
        return MAX_WORKER_CONNECTIONS + self.leaf

    @property
    def renamed(self) -> tuple[tuple[Crossing, str], ...]:
        """What is imported a second time, with its other name: a link lets no `$JS.API` pass.

        The leaf node maps the API to these names.
        """
        if not self.leaf:
            return ()
        return tuple(
            (one, one.subject.replace(API, HUB_API, 1))
            for one in self.imports
            if one.subject.startswith(API)
        )


def owner() -> Account:
    """The account of the coordinators."""
    return Account(name=OWNER, users=(User(file=COORDINATOR),), exports=accounts.exports())


def gate() -> Account:
    """The account that stands for an older server: nobody logs in, a link leads to the streams."""
    return Account(name=OWNER, users=(), exports=accounts.exports(), leaf=True)


def system() -> Account:
    """The system account of operator mode; its user is for administrators of the servers."""
    return Account(name=SYSTEM, users=(User(file=SYSTEM),))


def worker(site: str, name: str, families: Sequence[Family], *, leaf: bool = False) -> Account:
    """The account of one worker; with `leaf` a leaf node links to it with a key of its own."""
    account = accounts.worker_account(site, name)
    users: tuple[User, ...] = (User(file=account, connection=STANDARD),)
    if leaf:
        users += (User(file=f"{account}-leaf", connection=LEAF),)
    return Account(
        name=account,
        users=users,
        imports=accounts.of_worker(site, name, families),
        bounded=True,
        leaf=leaf,
    )


def people(subscribers: Sequence[str]) -> tuple[Account, ...]:
    """The accounts of operators, viewers and event subscribers."""
    imports = {
        accounts.OPERATORS: accounts.of_people(tuple(Verb)),
        accounts.VIEWERS: accounts.of_people(accounts.READING),
        accounts.SUBSCRIBERS: accounts.of_subscribers(subscribers),
    }
    return tuple(
        Account(name=name, users=(User(file=name),), imports=found)
        for name, found in imports.items()
    )
