"""PostgreSQL's powerful roles on real servers: who counts as holding them, and a managed server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint
from tests.servers.fixtures import PASSWORD, server_or_reason
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    postgresql_do,
    postgresql_state,
)
from tests.support.checks.scenario import statements

OWN = "Monitor 1: password"


@pytest.fixture(params=["postgresql", "postgresql15"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


async def test_a_role_for_replication_alone_and_its_publication_are_no_finding(
    runner: CheckRunner, server: Running
) -> None:
    make = [
        "CREATE ROLE stream LOGIN REPLICATION IN ROLE pg_monitor",
        "SET client_min_messages = error",  # wal_level is replica
        "CREATE PUBLICATION changes",
        "ALTER PUBLICATION changes OWNER TO stream",
    ]
    undo = ["DROP PUBLICATION changes", "DROP ROLE stream"]
    with postgresql_state(server, ["GRANT CREATE ON DATABASE postgres TO PUBLIC", *make], undo):
        postgresql_do(server, ["REVOKE CREATE ON DATABASE postgres FROM PUBLIC"])
        where = endpoint(server, Family.POSTGRESQL)
        assert await runner.objects("postgresql_replication_role", where) == {}


async def test_a_role_cannot_replicate_after_set_role(
    server: Running,
) -> None:
    make = ["CREATE ROLE stream REPLICATION", f"CREATE ROLE ann LOGIN PASSWORD '{OWN}'"]
    with postgresql_state(
        server, [*make, "GRANT stream TO ann"], ["DROP ROLE ann", "DROP ROLE stream"]
    ):
        words = {"host": server.host, "user": "ann", "password": OWN, "dbname": "postgres"}
        text = psycopg.conninfo.make_conninfo(
            "", **words, port=server.port, replication="database", options="-c role=stream"
        )
        with pytest.raises(psycopg.OperationalError, match=r"(?i)replication"):
            psycopg.connect(text)


async def test_a_member_that_may_not_set_the_role_does_not_use_its_attributes_from_16_on(
    runner: CheckRunner, postgresql: Running
) -> None:
    make = ["CREATE ROLE makers CREATEROLE", "CREATE ROLE ann LOGIN"]
    make += ["GRANT makers TO ann WITH SET FALSE, INHERIT TRUE"]
    with postgresql_state(postgresql, make, ["DROP ROLE ann", "DROP ROLE makers"]):
        where = endpoint(postgresql, Family.POSTGRESQL)
        assert await runner.objects("postgresql_createrole", where) == {}


async def test_a_membership_without_any_way_to_use_it_is_no_finding_from_16_on(
    runner: CheckRunner, postgresql: Running
) -> None:
    make = ["CREATE ROLE ann LOGIN"]
    make += ["GRANT pg_execute_server_program TO ann WITH SET FALSE, INHERIT FALSE"]
    with postgresql_state(postgresql, make, ["DROP ROLE ann"]):
        where = endpoint(postgresql, Family.POSTGRESQL)
        assert await runner.objects("postgresql_server_program_roles", where) == {}


async def test_superusers_and_their_members_are_left_to_another_check(
    runner: CheckRunner, server: Running
) -> None:
    make = ["CREATE ROLE dba SUPERUSER LOGIN", "CREATE ROLE ann LOGIN IN ROLE dba"]
    with postgresql_state(server, make, ["DROP ROLE ann", "DROP ROLE dba"]):
        where = endpoint(server, Family.POSTGRESQL)
        for check in ("postgresql_server_program_roles", "postgresql_data_roles"):
            assert await runner.objects(check, where) == {}


@pytest.fixture(scope="module")
def rds(servers_folder: Path) -> Iterator[Running]:
    """A stand-in for RDS: its superuser is the provider's, its customer's administrator is not."""

    def start() -> Running:
        return embedded.start(servers_folder / "rds", superuser="rdsadmin", password=PASSWORD)

    running = server_or_reason("PostgreSQL 18", start)
    make = ["CREATE ROLE rds_superuser", "CREATE ROLE rds_replication"]
    make += [f"CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD '{OWN}'"]
    make += ["GRANT rds_superuser TO master WITH ADMIN OPTION"]
    make += ["GRANT pg_read_all_settings TO rds_superuser"]
    postgresql_do(running, make)
    yield running
    running.stop()


@pytest.fixture
def master(rds: Running) -> Endpoint:
    """The customer's administrator of the managed server."""
    return replace(endpoint(rds, Family.POSTGRESQL), user="master", password=OWN)


async def test_a_managed_servers_first_administrator_stays_and_the_later_ones_are_found(
    runner: CheckRunner, rds: Running, master: Endpoint
) -> None:
    check = "postgresql_managed_admin_members"
    assert await runner.objects(check, master) == {}
    with postgresql_state(rds, ["CREATE ROLE ann LOGIN IN ROLE rds_superuser"], ["DROP ROLE ann"]):
        (finding,) = (await runner.run(check, master)).findings
        assert (finding.object, finding.severity) == ("ann", "trivial")
        postgresql_do(rds, statements(finding.remediation))
        assert await runner.objects(check, master) == {}


async def test_a_self_managed_server_has_no_providers_administrators(
    runner: CheckRunner, server: Running
) -> None:
    outcome = await runner.run(
        "postgresql_managed_admin_members", endpoint(server, Family.POSTGRESQL)
    )
    assert outcome.outcome == "skipped"


async def test_a_managed_server_shows_no_hashes_and_its_administrator_may_make_roles(
    runner: CheckRunner, master: Endpoint
) -> None:
    assert (await runner.run("postgresql_md5_hashes", master)).outcome == "skipped"
    assert await runner.objects("postgresql_createrole", master) == {}


async def test_createrole_can_run_programs_up_to_15_and_cannot_from_16_on(
    server: Running,
) -> None:
    grant = "GRANT pg_execute_server_program TO maker"
    with postgresql_state(server, ["CREATE ROLE maker CREATEROLE"], ["DROP ROLE maker"]):
        if "postgresql15" in str(server.directory):
            postgresql_do(server, ["SET ROLE maker", grant])
            postgresql_do(server, ["SET ROLE maker", "COPY (SELECT 1) TO PROGRAM 'cat'"])
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                postgresql_do(server, ["SET ROLE maker", grant])
