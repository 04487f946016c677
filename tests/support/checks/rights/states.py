"""Random roles and memberships of PostgreSQL, as statements and who runs them.

A state is a function of a number alone. Roles are in layers, and most grants go up by one or two:
uniform pairs give chains of three, where most rules show, in one state of a hundred.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay")
PREDEFINED = (
    *("pg_execute_server_program", "pg_write_server_files", "pg_read_server_files"),
    *("pg_read_all_data", "pg_write_all_data", "pg_monitor", "pg_read_all_settings"),
)
OPTIONS = 16  # the first version whose memberships have INHERIT and SET
ALL_DATA = 14  # the first version with pg_read_all_data
MOST_GRANTS = 9
ATTRIBUTES = {"CREATEROLE": 0.35, "BYPASSRLS": 0.15, "REPLICATION": 0.25, "NOINHERIT": 0.15}
Step = tuple[str, str]  # who runs it, "" for the administrator, and the statement


@dataclass(frozen=True)
class State:
    """What makes the state, in order; a step that the server refuses is left out."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "\n".join(f"{who or 'administrator'}: {statement}" for who, statement in self.steps)

    def without(self, place: int) -> State:
        """The state that lacks the step of that place."""
        return State(self.steps[:place] + self.steps[place + 1 :])


def state(number: int, major: int) -> State:
    """The state of that number, for a server of that version."""
    source = random.Random(number)  # noqa: S311  # a test's data
    names = NAMES[: source.randint(3, len(NAMES))]
    steps: list[Step] = []
    for place in reversed(range(len(names))):
        steps += _made(source, place, names)
    for _ in range(source.randint(2, MOST_GRANTS)):
        member = source.randrange(len(names))
        role = _granted(source, member, names, major)
        who = "" if source.random() < 0.8 else source.choice(names)
        steps.append((who, f"GRANT {role} TO {names[member]}{_options(source, major)}"))
    return State(tuple(steps))


def _granted(source: random.Random, member: int, names: tuple[str, ...], major: int) -> str:
    """A role one or two layers up, beyond the last one a predefined role or initdb's superuser."""
    above = member + source.choice([1, 1, 1, 2, 2, len(names)])
    if source.random() < 0.1:
        return source.choice(names)
    if above < len(names):
        return names[above]
    known = [one for one in PREDEFINED if major >= ALL_DATA or "_all_data" not in one]
    return source.choice([*known, "postgres"])


def _made(source: random.Random, place: int, names: tuple[str, ...]) -> list[Step]:
    """A role made by the administrator or by one with CREATEROLE; a superuser may own code."""
    name, top = names[place], place == len(names) - 1
    log_in = source.random() < (0.9 if place == 0 else 0.5)
    words = ["LOGIN" if log_in else "NOLOGIN"]
    words += [word for word, share in ATTRIBUTES.items() if source.random() < share]
    if source.random() < (0.3 if top else 0.05):
        steps: list[Step] = [("", f"CREATE ROLE {name} SUPERUSER {' '.join(words)}")]
        return [*steps, ("", f"SELECT truth.own('{name}')")] if source.random() < 0.5 else steps
    maker = source.choice(["", "", *names[place + 1 :]])
    made = f"CREATE ROLE {name} {' '.join(words)}"
    # Refused without CREATEROLE, or where the maker lacks an attribute: then by the administrator.
    return [(maker, made), ("", made)] if maker else [("", made)]


def _options(source: random.Random, major: int) -> str:
    admin = source.random() < 0.4
    if major < OPTIONS:
        return " WITH ADMIN OPTION" if admin else ""
    inherits, sets = source.random() < 0.4, source.random() < 0.4
    return f" WITH ADMIN {admin}, INHERIT {inherits}, SET {sets}"
