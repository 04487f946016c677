"""Random accounts, roles and grants of MySQL or MariaDB, as statements of the administrator.

A state is a function of a number alone. User names are few and hosts overlap, so that grants to one
account reach sessions of another; most grants are about the schema mysql.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

USERS = ("ann", "bob", "cid")
# Of hosts without a wildcard that mean the same client the server takes the one that it read first,
# or not, so that no two of these do.
HOSTS = (
    *("%", "localhost", "127.0.0.2", "127.%", "127.0.0.%", "127.0.0.10/255.255.255.255"),
    *(r"127.1.0\.1", "127.0.0.1%"),
    *("127.0.0.1/255.255.255.0", "0.0.0.0/0.0.0.0"),  # nobody
)
# MySQL puts these in order, but among grants on tables it does not.
NETWORKS_OF_MYSQL = (
    *("127.0.0.0/24", "127.0.0.0/255.255.255.0", "127.0.0.8/30", "127.0.0.8/255.255.255.252"),
)
HOSTS_OF_MARIADB = (*HOSTS, "127.0.0._", "127._.0.%")
ROLES = ("reader", "writer", "keeper")
SCHEMAS = ("mysql", "mysql", "my%", "%", "mysq_", r"my\_ql", "m_sql", "truth")
SCHEMA_WORDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "EXECUTE")
GLOBAL_WORDS = (
    *("SELECT", "INSERT", "UPDATE", "DELETE", "FILE", "PROCESS", "CREATE USER"),
    *("RELOAD", "TRIGGER"),
)
WORDS_OF_MYSQL = ("SYSTEM_VARIABLES_ADMIN", "BACKUP_ADMIN", "SHOW_ROUTINE")
TABLES_OF_MYSQL = {
    "user": ("authentication_string", "User", "Super_priv", "max_questions"),
    "db": ("Select_priv",),
    "global_grants": ("PRIV",),
    "role_edges": ("FROM_USER",),
    "password_history": ("Password", "User"),
    "time_zone": ("Use_leap_seconds",),
}
WORDS_OF_MARIADB = ("BINLOG ADMIN", "SET USER", "CONNECTION ADMIN")
TABLES_OF_MARIADB = {
    "global_priv": ("Priv", "User"),
    "user": ("authentication_string", "User"),
    "db": ("Select_priv",),
    "roles_mapping": ("Role",),
    "proc": ("body",),
    "time_zone": ("Use_leap_seconds",),
}
MOST_GRANTS = 6
TABLES = 0.6  # of the states of MySQL have grants on tables


@dataclass(frozen=True)
class State:
    """Statements in order; one that the server refuses is left out."""

    accounts: tuple[str, ...]
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.steps)

    def memberships(self) -> list[str]:
        """The steps that grant a role."""
        return [one for one in self.steps if one.startswith("GRANT ") and " ON " not in one]

    def without(self, place: int) -> State:
        """The state that lacks the step of that place."""
        return State(self.accounts, self.steps[:place] + self.steps[place + 1 :])


class _Maker:
    """Draws one state."""

    def __init__(self, number: int, *, maria: bool) -> None:
        self.source = random.Random(number)  # noqa: S311  # a test's data
        self.maria = maria
        self.words = [*GLOBAL_WORDS, *(WORDS_OF_MARIADB if maria else WORDS_OF_MYSQL)]
        # A session from ::1 is localhost's too, of no wildcard as well: one of the two in a state.
        loopback = self.source.choice(["localhost", "::1"])
        hosts = HOSTS_OF_MARIADB if maria else HOSTS
        self.of_tables = maria or self.source.random() < TABLES
        hosts = hosts if self.of_tables else (*hosts, *NETWORKS_OF_MYSQL)
        self.hosts = [loopback if one == "localhost" else one for one in hosts]
        self.members: set[tuple[str, str]] = set()
        self.tables = TABLES_OF_MARIADB if maria else TABLES_OF_MYSQL
        names = self.source.sample(USERS, self.source.randint(1, len(USERS)))
        self.accounts = sorted({self._account(self.source.choice(names)) for _ in range(4)})
        self.roles = self.source.sample(ROLES, self.source.randint(0, len(ROLES)))

    def _account(self, user: str) -> str:
        return f"'{user}'@'{_escaped(self.source.choice(self.hosts))}'"

    def state(self) -> State:
        source = self.source
        steps = [f"CREATE ROLE {one}" for one in self.roles]
        steps += [f"CREATE USER {one}" for one in self.accounts]
        if not self.maria and source.random() < 0.25:
            steps.append("SET GLOBAL partial_revokes = ON")
        holders = [*self.accounts, *self.roles, *self.roles]
        for _ in range(source.randint(1, MOST_GRANTS)):
            steps += self._grant(source.choice(holders))
        for _ in range(source.randint(0, 4) if self.roles else 0):
            steps += self._membership()
        steps += self._for_everybody()
        return State(tuple(self.accounts), tuple(steps))

    def _grant(self, holder: str) -> list[str]:
        source, drawn = self.source, self.source.random()
        if drawn < 0.25:
            word = source.choice(self.words)
            steps = [f"GRANT {word} ON *.* TO {holder}"]
            if word in SCHEMA_WORDS and source.random() < 0.4 and not self.maria:
                steps.append(f"REVOKE {word} ON mysql.* FROM {holder}")
            return steps
        if drawn < 0.6 or not self.of_tables:
            words = ", ".join(source.sample(SCHEMA_WORDS, source.randint(1, 2)))
            return [f"GRANT {words} ON `{source.choice(SCHEMAS)}`.* TO {holder}"]
        table, columns = source.choice(list(self.tables.items()))
        word = source.choice(["SELECT", "INSERT", "UPDATE", "DELETE"])
        if drawn < 0.8 or word == "DELETE":
            return [f"GRANT {word} ON mysql.{table} TO {holder}"]
        return [f"GRANT {word} ({source.choice(columns)}) ON mysql.{table} TO {holder}"]

    def _membership(self) -> list[str]:
        source = self.source
        role = source.choice(self.roles)
        option = " WITH ADMIN OPTION" if source.random() < 0.3 else ""
        member = source.choice([*self.accounts, *self.accounts, *self.roles])
        # Of accounts of one name with the same role MariaDB takes the one that it read first.
        taken = (role, member.partition("@")[0])
        if self.maria and "@" in member and taken in self.members:
            return []
        self.members.add(taken)
        return [f"GRANT {role} TO {member}{option}"]

    def _for_everybody(self) -> list[str]:
        """Grants that were left behind, of the anonymous user, and of roles that everybody has."""
        source = self.source
        steps: list[str] = []
        if source.random() < 0.3:
            steps += left_behind(
                source.choice(USERS), source.choice(self.hosts), source.choice(SCHEMAS)
            )
        if source.random() < 0.2:
            steps += left_behind("", source.choice(self.hosts), source.choice(SCHEMAS))
        if self.maria and source.random() < 0.2:
            steps += self._grant("PUBLIC")
        if not self.maria and self.roles and source.random() < 0.15:
            steps.append(f"SET GLOBAL mandatory_roles = '{source.choice(self.roles)}'")
        return steps


def left_behind(user: str, host: str, schema: str) -> list[str]:
    """A row of mysql.db without an account of its own; it counts after FLUSH PRIVILEGES."""
    columns = "Host, Db, User, Select_priv, Update_priv"
    values = f"'{_escaped(host)}', '{_escaped(schema)}', '{user}', 'Y', 'Y'"
    return [f"INSERT IGNORE INTO mysql.db ({columns}) VALUES ({values})"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")


def state(number: int, *, maria: bool) -> State:
    """The state of that number."""
    return _Maker(number, maria=maria).state()
