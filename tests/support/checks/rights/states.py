"""Random roles and memberships of PostgreSQL, as statements and who runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

NAMES = ("ann", "bob", "cid", "dan", "eve", "fay")
PREDEFINED = (
    *("pg_execute_server_program", "pg_write_server_files", "pg_read_server_files"),
    *("pg_read_all_data", "pg_write_all_data", "pg_monitor", "pg_read_all_settings"),
)
OPTIONS = 16  # the first version whose memberships have INHERIT and SET
ALL_DATA = 14  # the first version with pg_read_all_data
MOST_GRANTS = 9
Step = tuple[str, str]  # who runs it, "" for the administrator, and the statement


@dataclass(frozen=True)
class State:
    """What makes the state, in order; a step that the server refuses is left out."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "\n".join(f"{who or 'administrator'}: {statement}" for who, statement in self.steps)


def states(major: int) -> st.SearchStrategy[State]:
    """States of a server of that version."""
    return st.builds(_state, st.integers(3, len(NAMES)), st.data(), st.just(major))


def _state(count: int, data: st.DataObject, major: int) -> State:
    draw = data.draw
    names = NAMES[:count]
    steps: list[Step] = []
    for place, name in enumerate(names):
        steps += _made(draw, name, names[:place])
    predefined = [one for one in PREDEFINED if major >= ALL_DATA or "_all_data" not in one]
    targets = st.sampled_from([*names, *names, *names, *predefined, "postgres"])
    for _ in range(draw(st.integers(1, MOST_GRANTS))):
        who = draw(st.sampled_from(["", "", "", *names]))
        statement = f"GRANT {draw(targets)} TO {draw(st.sampled_from(names))}"
        steps.append((who, statement + _options(draw, major)))
    return State(tuple(steps))


Draw = Callable[[st.SearchStrategy[object]], object]


def _made(draw: Draw, name: str, earlier: tuple[str, ...]) -> list[Step]:
    """A role made by the administrator or by one that has CREATEROLE; a superuser may own code."""
    words = [
        "LOGIN" if draw(st.integers(0, 3)) else "NOLOGIN",
        "NOINHERIT" if draw(st.integers(0, 4)) == 1 else "INHERIT",
    ]
    words += ["CREATEROLE"] if draw(st.integers(0, 3)) == 1 else []
    words += ["BYPASSRLS"] if draw(st.integers(0, 7)) == 1 else []
    words += ["REPLICATION"] if draw(st.integers(0, 7)) == 1 else []
    superuser = draw(st.integers(0, 7)) == 1
    maker = "" if superuser else str(draw(st.sampled_from(["", "", *earlier])))
    words += ["SUPERUSER"] if superuser else []
    steps: list[Step] = [(maker, f"CREATE ROLE {name} {' '.join(words)}")]
    if maker:  # refused without CREATEROLE, or where the maker lacks an attribute
        steps.append(("", f"CREATE ROLE {name} {' '.join(words)}"))
    if superuser and draw(st.booleans()):
        steps.append(("", f"SELECT truth.own('{name}')"))
    return steps


def _options(draw: Draw, major: int) -> str:
    admin = draw(st.integers(0, 2)) == 1
    if major < OPTIONS:
        return " WITH ADMIN OPTION" if admin else ""
    words = [f"ADMIN {str(admin).upper()}"]
    for option in ("INHERIT", "SET"):
        words += [[], [f"{option} TRUE"], [f"{option} FALSE"]][int(str(draw(st.integers(0, 2))))]
    return f" WITH {', '.join(words)}"
