"""No rule of pg_hba.conf that some connection reaches first is taken for unreachable."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from stt_shared.checkfile.catalogue import builtin
from stt_worker.oneshot.dry_run import given
from stt_worker.sandbox.port import Returned
from stt_worker.sandbox.starlark import StarlarkSandbox

FILES = 150
SETTINGS = {"tls": "on", "gss": True, "newer": "", "client": ""}
RULES = 8  # of a file
KINDS = {
    "local": {"local"},
    "host": {"tls", "gss", "clear"},
    "hostssl": {"tls"},
    "hostnossl": {"gss", "clear"},
    "hostgssenc": {"gss"},
    "hostnogssenc": {"tls", "clear"},
}
NETWORKS = ["0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32"]
NETWORKS += ["::/0", "fc00::/7", "2001:db8::/32", "2001:db8::7/128", "127.0.0.1/32", "::1/128"]
ADDRESSES = ["10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.1", "127.0.0.1"]
ADDRESSES += ["2001:db8::7", "2001:db8::8", "fd00::1", "::1", ""]  # the last is the socket
DATABASES, USERS = ["shop", "mail", "replication"], ["app", "root"]
SERVER = {"flavour": "postgresql", "version": [18, 6], "provider": "self-managed"}


def login(name: str, *tokens: str) -> dict[str, Any]:
    """A role that can log in, as the query of the part sums it up."""
    return {
        "what": "login",
        "key": USERS.index(name),
        "tokens": [name, *tokens],
        "names": [name],
        "count": 1,
        "super": name == "root",
        "boss": name == "root",
        "replication": True,
        "bootstrap": False,
        "expired": False,
        "limited": False,
        "password": "scram",
        "may": None,
    }


def base(key: int, name: str) -> dict[str, Any]:
    """A database, as the query of the part sums it up."""
    return {
        "what": "database",
        "key": key,
        "tokens": [name],
        "names": [name],
        "count": 1,
        "limited": False,
        "closed": False,
    }


WHO = [login("app"), login("root", "+dba"), base(1, "shop"), base(2, "mail")]
WHO += [{"what": "file", "mark": "m"}]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A line of the file; the group +dba has the superuser root alone."""

    kind: str
    databases: tuple[str, ...]
    users: tuple[str, ...]
    network: str
    method: str

    def matches(self, kind: str, address: str, database: str, user: str) -> bool:
        """As the server's own check_hba() decides."""
        if kind not in KINDS[self.kind] or (kind == "local") != (address == ""):
            return False
        if address and self.network != "all":
            network = ipaddress.ip_network(self.network)
            if ipaddress.ip_address(address) not in network:
                return False
        wide = "all" in self.databases and database != "replication"
        named = {"all", user, *(["+dba"] if user == "root" else [])}
        return (wide or database in self.databases) and bool(named & {*self.users})

    def row(self, line: int) -> dict[str, Any]:
        """As the check's query shows it."""
        network = None if self.network == "all" else ipaddress.ip_network(self.network)
        local = self.kind == "local"
        return {
            "number": line,
            "file": "/pg/pg_hba.conf",
            "line": line,
            "type": self.kind,
            "databases": [*self.databases],
            "users": [*self.users],
            "method": self.method,
            "address": None if local else str(network.network_address) if network else "all",
            "netmask": None if local or network is None else str(network.netmask),
            "options": [],
            "fault": None,
            "mark": "m",
        }


def some_rule(chance: random.Random) -> Rule:
    return Rule(
        kind=chance.choice([*KINDS]),
        databases=tuple(chance.sample([*DATABASES, "all", "all"], chance.choice([1, 1, 2]))),
        users=tuple(chance.sample([*USERS, "+dba", "all", "all"], chance.choice([1, 1, 2]))),
        network=chance.choice([*NETWORKS, "all", "all"]),
        method=chance.choice(["trust", "reject"]),
    )


def reached(rules: Sequence[Rule]) -> set[str]:
    """The rules with trust that are the first to match one of many connections."""
    found: set[str] = set()
    ways = product(("local", "tls", "gss", "clear"), ADDRESSES, DATABASES, USERS)
    for way in ways:
        first = next((n for n, rule in enumerate(rules, 1) if rule.matches(*way)), 0)
        if first and rules[first - 1].method == "trust":
            found.add(f"pg_hba.conf:{first}")
    return found


async def test_a_log_in_without_a_password_is_found_behind_any_earlier_rule() -> None:
    chance = random.Random(1)  # noqa: S311  # the same files each time
    files = [[some_rule(chance) for _ in range(RULES)] for _ in range(FILES)]
    check = builtin().checks["postgresql_hba_trust"]
    sandbox = StarlarkSandbox(1)
    trusted = unreachable = 0
    try:
        for rules in files:
            rows = [rule.row(line) for line, rule in enumerate(rules, 1)]
            task, answers = given(check, [rows, [SETTINGS], WHO])
            context = {"server": SERVER, "releases": {}, "now": 0}
            verdict = (await sandbox.run([task], answers, context))[0]
            assert isinstance(verdict, Returned), verdict
            found = {one["summary"].partition(" ")[0] for one in verdict.value}
            assert reached(rules) == found, rules
            trusted += sum(rule.method == "trust" for rule in rules)
            unreachable += sum(rule.method == "trust" for rule in rules) - len(found)
    finally:
        await sandbox.close()
    assert 0 < unreachable < trusted
