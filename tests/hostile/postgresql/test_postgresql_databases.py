"""A database that is not asked is named; the others keep their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.messages import PartNotChecked
from stt_worker.databases.port import Endpoint, Failure, Inspection, Limits
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from tests.hostile.postgresql.postgresql_tenant import databases, do
from tests.support.checks.real import endpoint

PLAIN, PLAIN_PASSWORD = "stt_visitor", "x"


NAME = Question(type=QueryType.POSTGRESQL_SELECT, text="current_database() AS d", all_dbs=True)


HOSTILE_NAME = "host=127.0.0.1 port=1 user='x' \\ \" dbname=postgres"


ENDLESS = "(SELECT count(*) FROM generate_series(1, 10000000000))::text"


TWO_SECONDS = "(SELECT count(*) FROM generate_series(1, 16000000))::text"


@pytest.fixture(params=["postgresql", "postgresql15"])
def server(request: pytest.FixtureRequest) -> Running:
    found: Running = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def visitor(server: Running) -> Iterator[Endpoint]:
    """An account without any grant."""
    do(server, [f"CREATE ROLE {PLAIN} LOGIN PASSWORD '{PLAIN_PASSWORD}'"])
    yield replace(endpoint(server, Family.POSTGRESQL), user=PLAIN, password=PLAIN_PASSWORD)
    do(server, [f"DROP ROLE {PLAIN}"])


async def inspect_at(
    where: Endpoint, *questions: Question, limits: Limits | None = None
) -> Inspection:
    return await PostgresqlDatabase().inspect(where, lambda _: questions, limits or Limits())


def asked(found: Inspection, question: Question = NAME) -> set[str]:
    answer = found.answers[question]
    assert isinstance(answer, dict), answer
    return set(answer)


def parts(found: Inspection, question: Question = NAME) -> dict[str, tuple[Kind, str]]:
    return {one.name: (one.kind, one.reason) for one in found.parts.get(question, ())}


LEFT_OUT: dict[str, tuple[Sequence[str], Kind, str]] = {
    "is closed": (["ALTER DATABASE stt_x ALLOW_CONNECTIONS false"], Kind.UNREACHABLE, "closed"),
    "is invalid": (
        ["UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'stt_x'"],
        Kind.UNREACHABLE,
        "invalid",
    ),
    "lets nobody in": (
        ["REVOKE CONNECT ON DATABASE stt_x FROM PUBLIC"],
        Kind.NO_PRIVILEGE,
        "no CONNECT",
    ),
    "has no place": (
        ["ALTER DATABASE stt_x CONNECTION LIMIT 0"],
        Kind.UNREACHABLE,
        "too many connections",
    ),
}


@pytest.mark.parametrize("how", list(LEFT_OUT))
async def test_a_database_that_is_not_asked_is_a_part_and_the_others_are_asked(
    server: Running, visitor: Endpoint, how: str
) -> None:
    make, kind, reason = LEFT_OUT[how]
    with databases(server, "stt_x", "stt_open"):
        do(server, make)
        found = await inspect_at(visitor, NAME)
    assert asked(found) == {"postgres", "stt_open"}
    ((name, (found_kind, why)),) = parts(found).items()
    assert (name, found_kind, reason in why) == ("stt_x", kind, True)


async def test_a_template_by_its_owner_s_wish_is_a_database(
    server: Running, visitor: Endpoint
) -> None:
    with databases(server, "stt_x"):
        do(server, ["ALTER DATABASE stt_x IS_TEMPLATE true"])
        found = await inspect_at(visitor, NAME)
    assert (asked(found), parts(found)) == ({"postgres", "stt_x"}, {})


async def test_a_name_of_a_provider_hides_nothing_elsewhere(
    server: Running, visitor: Endpoint
) -> None:
    with databases(server, "rdsadmin", "cloudsqladmin"):
        do(server, ["REVOKE CONNECT ON DATABASE rdsadmin FROM PUBLIC"])
        found = await inspect_at(visitor, NAME)
    assert asked(found) == {"postgres", "cloudsqladmin"}
    assert set(parts(found)) == {"rdsadmin"}


async def test_a_name_of_a_database_that_reads_like_connection_options_leads_nowhere_else(
    server: Running, visitor: Endpoint
) -> None:
    with databases(server, HOSTILE_NAME, "postgres://127.0.0.1:1/x"):
        found = await inspect_at(visitor, NAME)
    assert asked(found) == {"postgres", HOSTILE_NAME, "postgres://127.0.0.1:1/x"}
    assert parts(found) == {}


async def test_an_error_in_one_database_costs_the_others_nothing(
    server: Running, visitor: Endpoint
) -> None:
    question = replace(NAME, text="1 / (current_database() <> 'stt_x')::int AS one")
    with databases(server, "stt_x"):
        found = await inspect_at(visitor, question)
    assert asked(found, question) == {"postgres"}
    kind, reason = parts(found, question)["stt_x"]
    assert (kind, "division by zero" in reason) == (Kind.QUERY, True)


async def test_an_error_in_every_database_is_an_error(server: Running, visitor: Endpoint) -> None:
    question = replace(NAME, text="no_such_column")
    with databases(server, "stt_x"):
        found = await inspect_at(visitor, question, NAME)
    failure = found.answers[question]
    assert isinstance(failure, Failure)
    assert failure.reason.startswith('database postgres: column "no_such_column"')
    assert asked(found) == {"postgres", "stt_x"}


async def test_what_does_not_fit_beside_the_others_is_left_out_and_named(
    server: Running, visitor: Endpoint
) -> None:
    question = replace(NAME, text="generate_series(1, 60) AS n")
    with databases(server, "stt_x"):
        found = await inspect_at(visitor, question, limits=Limits(rows=100))
    assert asked(found, question) == {"postgres"}
    kind, reason = parts(found, question)["stt_x"]
    assert (kind, "more than 100 rows" in reason) == (Kind.TOO_LARGE, True)


async def test_a_database_that_never_ends_costs_the_others_their_turn_and_is_named(
    server: Running, visitor: Endpoint
) -> None:
    slow = f"CASE WHEN current_database() = 'stt_a' THEN {ENDLESS} END AS s"
    question = replace(NAME, text=slow)
    with databases(server, "stt_a", "stt_b"):
        limits = Limits(connect_s=5, statement_s=0.5, client_s=5)
        found = await inspect_at(visitor, question, NAME, limits=limits)
    assert (asked(found, question), asked(found)) == (
        {"postgres", "stt_b"},
        {"postgres", "stt_a", "stt_b"},
    )
    assert parts(found, question)["stt_a"][0] is Kind.TIMEOUT


async def test_a_login_trigger_that_denies_its_database_cannot_make_it_disappear(
    postgresql: Running,
) -> None:
    admin = endpoint(postgresql, Family.POSTGRESQL)
    do(postgresql, [f"CREATE ROLE {PLAIN} LOGIN PASSWORD '{PLAIN_PASSWORD}'"])
    denies = (
        "CREATE FUNCTION denies() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF session_user = '{PLAIN}' THEN"
        " RAISE EXCEPTION 'database \"stt_x\" does not exist'; END IF; END $$"
    )
    trigger = "CREATE EVENT TRIGGER denies ON login EXECUTE FUNCTION denies()"
    try:
        with databases(postgresql, "stt_x", "stt_z"):
            do(postgresql, ["SET search_path = public", denies, trigger], "stt_x")
            where = replace(admin, user=PLAIN, password=PLAIN_PASSWORD)
            found = await inspect_at(where, NAME)
    finally:
        do(postgresql, [f"DROP ROLE {PLAIN}"])
    assert asked(found) == {"postgres", "stt_z"}
    assert found.parts[NAME] == (
        PartNotChecked(
            name="stt_x",
            kind=Kind.SESSION,
            reason="it is listed, but the server reports that it does not exist",
        ),
    )


async def test_a_database_dropped_meanwhile_is_left_out(server: Running, visitor: Endpoint) -> None:
    slow = f"CASE WHEN current_database() = 'postgres' THEN {TWO_SECONDS} END AS s"
    question = replace(NAME, text=slow)

    async def drop() -> None:
        await asyncio.sleep(0.3)
        await asyncio.to_thread(do, server, ["DROP DATABASE stt_x"])

    with databases(server, "stt_x", "stt_z"):
        found, _ = await asyncio.gather(inspect_at(visitor, question), drop())
    assert (asked(found, question), parts(found, question)) == ({"postgres", "stt_z"}, {})
