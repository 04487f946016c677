"""The statements that make the monitoring account of a product, from the privileges of checks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stt_shared.checkfile.model import Check
from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Family

PASSWORD = "<password>"  # noqa: S105  # a place to fill in, no password
MAX_CONNECTIONS = 5  # of the account; a worker uses one per target and job
KINDS_OF_PASSWORDS = "EXECUTE ON FUNCTION stt.password_kinds()"
EACH_DATABASE = "CONNECT ON each DATABASE"
VIEW_USERS = "viewUser, viewRole on every database and the cluster"
_FILES = Path(__file__).parent


class Product(StrEnum):
    """What the account is for."""

    MYSQL = "mysql"
    PERCONA = "percona"
    MARIADB = "mariadb"
    POSTGRESQL = "postgresql"
    MONGODB = "mongodb"

    @property
    def family(self) -> Family:
        """The family of checks that the product is looked at with."""
        mysql = {Product.MYSQL, Product.PERCONA, Product.MARIADB}
        return Family.MYSQL if self in mysql else Family(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Statements of one grant, and the checks it is for; none for the account itself."""

    statements: tuple[str, ...]
    grant: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who gets the grants: for MySQL from which hosts, for MongoDB a user of admin."""

    user: str = "stt"
    host: str = "%"


def steps(product: Product, checks: Iterable[Check], account: Account) -> list[Step]:
    """The account first, then each grant that one of `checks` needs, most wanted first.

    Raises UsageError if no check is for that product.
    """
    own = [check for check in checks if check.family is product.family]
    if not own:
        raise UsageError(f"none of these checks is for {product.value}")
    needed: dict[str, list[str]] = {}
    for check in own:
        for grant in check.privileges.get(product.value, ()):
            needed.setdefault(grant, []).append(check.name)
    ordered = sorted(needed.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        Step(statements=_creation(product, account)),
        *(
            Step(statements=_grant(product, grant, account), grant=grant, checks=tuple(names))
            for grant, names in ordered
        ),
    ]


def render(product: Product, made: Sequence[Step]) -> str:
    """The steps as text to paste, each with a comment that says what it is for."""
    sign = "//" if product is Product.MONGODB else "--"
    lines: list[str] = []
    for step in made:
        if step.checks:
            lines += ["", f"{sign} {step.grant}: {_counted(step.checks)}"]
        else:
            lines.append(f"{sign} the account; replace {PASSWORD} by a password of your own")
        lines += [f"{statement};" for statement in step.statements]
    return "\n".join(lines)


def _counted(checks: Sequence[str]) -> str:
    shown = ", ".join(checks[:3])
    more = len(checks) - 3
    return f"{shown} and {more} more" if more > 0 else shown


def _creation(product: Product, account: Account) -> tuple[str, ...]:
    if product.family is Family.MYSQL:
        who = f"{_mysql_name(account)} IDENTIFIED BY '{PASSWORD}'"
        limit = f"MAX_USER_CONNECTIONS {MAX_CONNECTIONS}"
        return (f"CREATE USER {who} REQUIRE SSL WITH {limit}",)
    if product is Product.POSTGRESQL:
        name = _identifier(account.user)
        return (
            f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT {MAX_CONNECTIONS}",
            f"ALTER ROLE {name} SET default_transaction_read_only = on",
        )
    return (_command({"createUser": account.user, "pwd": PASSWORD, "roles": []}),)


def _grant(product: Product, grant: str, account: Account) -> tuple[str, ...]:
    if product.family is Family.MYSQL:
        return (f"GRANT {grant} TO {_mysql_name(account)}",)
    if product is Product.POSTGRESQL:
        return _postgresql(grant, _identifier(account.user))
    return _mongodb(grant, account.user)


def _mysql_name(account: Account) -> str:
    both = (account.user, account.host)
    user, host = (part.replace("\\", "\\\\").replace("'", "''") for part in both)
    return f"'{user}'@'{host}'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _postgresql(grant: str, name: str) -> tuple[str, ...]:
    if grant == EACH_DATABASE:
        return (
            (_FILES / "postgresql_connect.sql").read_text("utf-8").strip()
            % name.replace("'", "''"),
        )
    made: tuple[str, ...] = ()
    if grant == KINDS_OF_PASSWORDS:
        made = _file("postgresql_password_kinds.sql")
        made += (f"GRANT USAGE ON SCHEMA stt TO {name}",)
    return (*made, f"GRANT {grant} TO {name}")


def _file(name: str) -> tuple[str, ...]:
    """The statements of a file, which end in a semicolon before an empty line or the end."""
    text = (_FILES / name).read_text("utf-8")
    return tuple(one.strip().removesuffix(";") for one in text.split(";\n\n") if one.strip())


def _mongodb(grant: str, user: str) -> tuple[str, ...]:
    if grant != VIEW_USERS:
        role, _, database = grant.partition(" on ")
        return (_command({"grantRolesToUser": user, "roles": [{"role": role, "db": database}]}),)
    view = {"actions": ["viewUser", "viewRole"]}
    everywhere = {"resource": {"db": "", "collection": ""}} | view
    cluster = {"resource": {"cluster": True}} | view
    role = f"{user}View"
    return (
        _command({"createRole": role, "roles": [], "privileges": [everywhere, cluster]}),
        _command({"grantRolesToUser": user, "roles": [role]}),
    )


def _command(document: dict[str, object]) -> str:
    return f'db.getSiblingDB("admin").runCommand({json.dumps(document)})'
