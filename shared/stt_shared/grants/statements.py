"""Generate the statements for the monitoring account of a product from the privileges of checks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stt_shared.checkfile.model import Check
from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Family
from stt_shared.report.readable import first_names

PASSWORD = "<password>"  # noqa: S105  # a placeholder
NAMED_CHECKS = 3  # of those that need a grant
MAX_CONNECTIONS = 5  # of the account; a worker uses one for each target and job
KINDS_OF_PASSWORDS = "EXECUTE ON FUNCTION stt.password_kinds()"
# Functions that a grant comes with, and the files that make them.
FUNCTIONS = {
    KINDS_OF_PASSWORDS: "postgresql_password_kinds.sql",
    "EXECUTE ON FUNCTION stt.file_times()": "postgresql_file_times.sql",
}
EACH_DATABASE = "CONNECT ON each DATABASE"
VIEW_USERS = "viewUser, viewRole on every database and the cluster"
_FILES = Path(__file__).parent


class Product(StrEnum):
    """The product that the account is for."""

    MYSQL = "mysql"
    PERCONA = "percona"
    MARIADB = "mariadb"
    POSTGRESQL = "postgresql"
    MONGODB = "mongodb"

    @property
    def family(self) -> Family:
        """The family of the checks for the product."""
        mysql = {Product.MYSQL, Product.PERCONA, Product.MARIADB}
        return Family.MYSQL if self in mysql else Family(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Statements of one grant, and the checks that need it; the account itself has no checks."""

    statements: tuple[str, ...]
    grant: str = ""
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that gets the grants: for MySQL with its hosts, for MongoDB a user of admin."""

    user: str = "stt"
    host: str = "%"


def steps(product: Product, checks: Iterable[Check], account: Account) -> list[Step]:
    """The account first, then each grant that one of `checks` needs, most needed first.

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
    found = [Step(statements=_creation(product, account))]
    for grant, names in ordered:
        if product.family is Family.MYSQL:
            made: tuple[str, ...] = (f"GRANT {grant} TO {_mysql_name(account)}",)
        elif product is Product.POSTGRESQL:
            made = _postgresql(grant, _identifier(account.user))
        else:
            made = _mongodb(grant, account.user)
        found.append(Step(statements=made, grant=grant, checks=tuple(names)))
    return found


def render(product: Product, made: Sequence[Step]) -> str:
    """The steps as text to paste, each with a comment that names its checks."""
    sign = "//" if product is Product.MONGODB else "--"
    lines: list[str] = []
    for step in made:
        if step.checks:
            lines += ["", f"{sign} {step.grant}: {first_names(step.checks, NAMED_CHECKS)}"]
        else:
            lines.append(f"{sign} the account; replace {PASSWORD} with your own password")
        lines += [f"{statement};" for statement in step.statements]
    return "\n".join(lines)


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
    if grant in FUNCTIONS:
        # Each statement of the file ends in a semicolon before an empty line or the end.
        text = (_FILES / FUNCTIONS[grant]).read_text("utf-8")
        ended = text.split(";\n\n")
        made = tuple(one.strip().removesuffix(";") for one in ended if one.strip())
        made += (f"GRANT USAGE ON SCHEMA stt TO {name}",)
    return (*made, f"GRANT {grant} TO {name}")


def _mongodb(grant: str, user: str) -> tuple[str, ...]:
    if grant != VIEW_USERS:
        role, _, database = grant.partition(" on ")
        return (_command({"grantRolesToUser": user, "roles": [{"role": role, "db": database}]}),)
    view = {"actions": ["viewUser", "viewRole"]}
    all_databases = {"resource": {"db": "", "collection": ""}} | view
    cluster = {"resource": {"cluster": True}} | view
    role = f"{user}View"
    return (
        _command({"createRole": role, "roles": [], "privileges": [all_databases, cluster]}),
        _command({"grantRolesToUser": user, "roles": [role]}),
    )


def _command(document: dict[str, object]) -> str:
    return f'db.getSiblingDB("admin").runCommand({json.dumps(document)})'
