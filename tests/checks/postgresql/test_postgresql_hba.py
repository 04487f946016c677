"""The checks of pg_hba.conf, whose lines each test writes: found, mended, passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import md5
from pathlib import Path

import pytest

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD, server_or_reason
from tests.support.checks.hba import file_of, maps, place_of, put, put_back, rules
from tests.support.checks.hba_cases import BASES, CASES, NO_ROLES, ROLES, Case
from tests.support.checks.real import (
    CheckRunner,
    endpoint,
    postgresql_do,
    postgresql_state,
)

PREFIX = "postgresql_hba_"
CHECKS = (
    *("trust", "cleartext", "md5", "ident", "any_address", "no_tls", "superuser_remote"),
    *("replication_open", "errors"),
)
GRANTS = (
    "SELECT ON pg_catalog.pg_hba_file_rules",
    "EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules()",
)


@pytest.fixture(scope="module")
def with_tls(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    """PostgreSQL 15 with TLS on."""

    def start() -> Running:
        return embedded.start(
            servers_folder / "hba15",
            password=PASSWORD,
            binaries=embedded.installed(15),
            tls=(certificates.cert, certificates.key, certificates.ca),
        )

    running = server_or_reason("PostgreSQL 15", start)
    postgresql_do(running, BASES)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def without_tls(servers_folder: Path) -> Iterator[Running]:
    """PostgreSQL 18, of a build that has no TLS."""

    def start() -> Running:
        return embedded.start(servers_folder / "hba18", password=PASSWORD)

    running = server_or_reason("PostgreSQL 18", start)
    postgresql_do(running, BASES)
    yield running
    running.stop()


@pytest.fixture(params=["with_tls", "without_tls"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


async def evaluated(runner: CheckRunner, server: Running, check: str) -> CheckOutcome:
    return await runner.run(PREFIX + check, endpoint(server, Family.POSTGRESQL))


@pytest.mark.parametrize(
    ("case", "name"),
    [
        pytest.param(case, name, id=f"{case.check}-{case.name}-{name}")
        for case in CASES
        for name in case.on
    ],
)
async def test_the_lines_of_a_file_are_found_and_mended_by_the_findings_own_lines(
    runner: CheckRunner, case: Case, name: str, request: pytest.FixtureRequest
) -> None:
    server: Running = request.getfixturevalue(name)
    with postgresql_state(server, ROLES, NO_ROLES), rules(server, case.lines):
        outcome = await evaluated(runner, server, case.check)
        assert outcome.outcome in {"passed", "failed"}, outcome
        found = {place_of(one): str(one.severity) for one in outcome.findings}
        assert found == {f"pg_hba.conf:{number}": word for number, word in case.finds.items()}
        # From the end: a line put above another moves those below.
        for one in sorted(outcome.findings, key=lambda one: -one.evidence[0]["line"]):
            put(server, one)
        for check in {case.check, *(() if "hostssl" in case.lines[0] else ("errors",))}:
            after = await evaluated(runner, server, check)
            assert (after.outcome, after.findings) == ("passed", ()), after
        if all(one.fix is not None and one.fix.lines for one in outcome.findings):
            for one in sorted(outcome.findings, key=lambda one: one.evidence[0]["line"]):
                put_back(server, one)
            again = await evaluated(runner, server, case.check)
            assert [one.object for one in again.findings] == [
                one.object for one in outcome.findings
            ]


async def test_a_finding_keeps_its_object_where_its_line_moves_or_is_written_otherwise(
    runner: CheckRunner, server: Running
) -> None:
    ways = (
        ["host hba_own,postgres hba_root,hba_plain 10.0.0.0/8 trust"],
        [
            "local all nobody trust",
            "host postgres,hba_own hba_plain,hba_root 10.0.0.0 255.0.0.0 trust",
        ],
    )
    objects: list[str | None] = []
    with postgresql_state(server, ROLES, NO_ROLES):
        for number, lines in enumerate(ways, 1):
            with rules(server, lines):
                (one,) = (await evaluated(runner, server, "trust")).findings
            assert place_of(one) == f"pg_hba.conf:{number}"
            objects.append(one.object)
    assert objects == ["host hba_own,postgres hba_plain,hba_root 10.0.0.0/8 trust"] * 2


@pytest.mark.parametrize("name", ["all", "+hba_dba"])
async def test_a_reject_that_may_name_a_role_in_quotes_is_undecided_where_more_get_in(
    runner: CheckRunner, without_tls: Running, name: str
) -> None:
    make = [*ROLES, f'CREATE ROLE "{name}" LOGIN IN ROLE hba_dba']
    undo = [f'DROP ROLE "{name}"', *NO_ROLES]
    lines = [f'host all "{name}" 0.0.0.0/0 reject', "host all hba_root 0.0.0.0/0 trust"]
    with postgresql_state(without_tls, ROLES, NO_ROLES), rules(without_tls, lines):
        assert (await evaluated(runner, without_tls, "trust")).outcome == "passed"
    with postgresql_state(without_tls, make, undo), rules(without_tls, lines):
        outcome = await evaluated(runner, without_tls, "trust")
        assert (outcome.outcome, f"has the word {name}" in outcome.reason) == ("skipped", True)


@pytest.mark.parametrize("check", CHECKS)
async def test_a_default_install_with_passwords_has_no_finding(
    runner: CheckRunner, server: Running, check: str
) -> None:
    outcome = await evaluated(runner, server, check)
    if check == "no_tls" and "18" in str(server.directory):
        assert (outcome.outcome, "postgresql_tls_off" in outcome.reason) == ("skipped", True)
    else:
        assert outcome.outcome == "passed", outcome


@pytest.mark.parametrize("check", CHECKS)
async def test_without_one_of_the_two_grants_both_are_named_and_nothing_passes(
    runner: CheckRunner, with_tls: Running, without_tls: Running, check: str
) -> None:
    make = ["CREATE ROLE hba_low LOGIN PASSWORD 'low'"]
    undo = ["DROP OWNED BY hba_low", "DROP ROLE hba_low"]
    for server in (with_tls, without_tls):
        with postgresql_state(server, make, undo):
            where = endpoint(server, Family.POSTGRESQL)
            low = replace(where, user="hba_low", password="low")
            for grant in GRANTS:
                outcome = await runner.run(PREFIX + check, low)
                assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
                assert "; ".join(GRANTS) in outcome.reason
                postgresql_do(server, [f"GRANT {grant} TO hba_low"])
            outcome = await runner.run(PREFIX + check, low)
            assert outcome.outcome in {"passed", "skipped"}, outcome


async def test_a_file_that_would_be_refused_decides_nothing_but_its_errors(
    runner: CheckRunner, server: Running
) -> None:
    with rules(server, ["host bad"]):
        for check in CHECKS:
            outcome = await evaluated(runner, server, check)
            assert outcome.outcome == ("failed" if check == "errors" else "skipped"), outcome
            without = check == "no_tls" and "18" in str(server.directory)
            assert "pg_hba.conf:1" in outcome.reason + str(outcome.findings) or without


async def test_an_included_file_is_named_and_its_line_mended(
    runner: CheckRunner, without_tls: Running
) -> None:
    extra = file_of(without_tls).with_name("extra.conf")
    extra.write_text("# a comment\nhost all x 10.0.0.0/8 trust\n")
    extra.chmod(0o644)
    try:
        with (
            postgresql_state(without_tls, ROLES, NO_ROLES),
            rules(without_tls, ["include extra.conf"]),
        ):
            (finding,) = (await evaluated(runner, without_tls, "trust")).findings
            assert place_of(finding) == "extra.conf:2"
            put(without_tls, finding)
            assert (await evaluated(runner, without_tls, "trust")).outcome == "passed"
    finally:
        extra.unlink()


async def test_secrets_of_a_line_never_leave_the_server(
    runner: CheckRunner, with_tls: Running
) -> None:
    ldap = 'ldap ldapserver=ad ldapbasedn="dc=x" ldapbinddn="cn=x" ldapbindpasswd=hunter2'
    radius = 'radius radiusservers=127.0.0.1 radiussecrets="hunter2,hunter2"'
    lines = [f"host all a 10.0.0.0/8 {ldap}", f"host all postgres 10.0.0.0/8 {radius}"]
    with postgresql_state(with_tls, ROLES, NO_ROLES), rules(with_tls, lines):
        outcomes = [await evaluated(runner, with_tls, check) for check in CHECKS]
    assert "hunter2" not in str(outcomes)
    finding = next(one for one in outcomes if one.check == "postgresql_hba_cleartext").findings[0]
    assert "ldapbindpasswd=****" in finding.remediation


IDENT = "postgresql_ident_map_wide"
MAPS = (
    "a /^(.*)$ postgres",
    "b /^(alice|bob)$ postgres",
    "c /x hba_plain",
    r"d /^(.*)@x$ \1",
    "e all postgres",
)
IDENT_GRANTS = tuple(grant.replace("hba_file_rules", "ident_file_mappings") for grant in GRANTS)


async def test_a_map_that_makes_a_pattern_the_superuser_is_found_and_mended(
    runner: CheckRunner, server: Running
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    with maps(server, MAPS):
        outcome = await runner.run(IDENT, where)
        assert [one.object for one in outcome.findings] == ["a /^(.*)$ postgres"]
        put(server, outcome.findings[0])
        assert (await runner.run(IDENT, where)).outcome == "passed"
    assert (await runner.run(IDENT, where)).outcome == "passed"  # the empty map of an install


async def test_words_for_many_roles_in_a_map_count_from_16_on(
    runner: CheckRunner, server: Running
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    lines = ["a /^x all", "b /^x +hba_dba", 'c /^x "/^hba_r.*"', "d /^x /^hba_p", "e /x hba_heir"]
    with postgresql_state(server, ROLES, NO_ROLES), maps(server, lines):
        outcome = await runner.run(IDENT, where)
        found = {one.evidence[0]["line"] for one in outcome.findings}
        newer = "18" in str(server.directory)
        assert found == ({1, 2, 3, 5} if newer else {5})
        for one in outcome.findings:
            put(server, one)
        assert (await runner.run(IDENT, where)).outcome == "passed"


async def test_a_map_with_an_error_decides_nothing(runner: CheckRunner, server: Running) -> None:
    with maps(server, ["a"]):
        outcome = await runner.run(IDENT, endpoint(server, Family.POSTGRESQL))
    assert (outcome.outcome, "pg_ident.conf:1" in outcome.reason) == ("skipped", True)


async def test_maps_want_both_of_their_grants(runner: CheckRunner, server: Running) -> None:
    make = ["CREATE ROLE hba_low LOGIN PASSWORD 'low'"]
    undo = ["DROP OWNED BY hba_low", "DROP ROLE hba_low"]
    with postgresql_state(server, make, undo):
        low = replace(endpoint(server, Family.POSTGRESQL), user="hba_low", password="low")
        for grant in IDENT_GRANTS:
            outcome = await runner.run(IDENT, low)
            assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
            assert "; ".join(IDENT_GRANTS) in outcome.reason
            postgresql_do(server, [f"GRANT {grant} TO hba_low"])
        assert (await runner.run(IDENT, low)).outcome == "passed"


WEAK = "CREATE ROLE hba_weak LOGIN PASSWORD 'md5" + md5(b"xhba_weak").hexdigest() + "'"  # noqa: S324
SAME_FACT = {
    "trust": ["host replication all 10.0.0.0/8 trust"],
    "any_address": ["host replication all 0.0.0.0/0 scram-sha-256"],
    "md5": [f"host all hba_weak 10.{number}.0.0/16 md5" for number in range(3)],
}


@pytest.mark.parametrize("fact", SAME_FACT)
async def test_one_fact_is_one_finding_where_its_checks_are_in_one_job(
    runner: CheckRunner, with_tls: Running, fact: str
) -> None:
    part = PREFIX + ("md5" if fact == "md5" else "replication_open")
    cause = "postgresql_md5_hashes" if fact == "md5" else PREFIX + fact
    where = endpoint(with_tls, Family.POSTGRESQL)
    made, gone = [*ROLES, WEAK], ["DROP ROLE hba_weak", *NO_ROLES]
    with postgresql_state(with_tls, made, gone), rules(with_tls, SAME_FACT[fact]):
        alone = (await runner.run_all(where, [part]))[part]
        assert len(alone.counted) == len(SAME_FACT[fact])
        both = await runner.run_all(where, [part, cause])
        assert both[part].counted == ()
        assert [one.key for one in both[part].findings] == [one.key for one in alone.findings]
        named = [
            key for one in both[cause].counted for implied in one.implies for key in implied.keys
        ]
        assert sorted(named) == sorted(one.key for one in alone.findings)
