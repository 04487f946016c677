"""The checks of pg_hba.conf, whose lines each test writes: found, mended, passed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from stt_coordinator.embedded import postgresql as embedded
from stt_coordinator.embedded.process import Running
from stt_shared.protocol.messages import CheckOutcome, Finding
from stt_shared.protocol.words import Family
from tests.checks.real import Judge, endpoint, judging, postgresql_do, postgresql_state
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD, server_or_reason

PREFIX = "postgresql_hba_"
CHECKS = (
    *("trust", "cleartext", "md5", "ident", "any_address", "no_tls", "superuser_remote"),
    *("replication_open", "errors"),
)
# Below the lines of a test: how its own sessions come in, and nothing any check would name.
OWN = ["local all all peer", "host all all 127.0.0.1/32 scram-sha-256"]
PLACE = re.compile(r"# (instead of|above) line (\d+) of (.+)")
GRANTS = (
    "SELECT ON pg_catalog.pg_hba_file_rules",
    "EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules()",
)
RELOAD = "SELECT pg_reload_conf();"


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    async with judging() as one:
        yield one


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
    yield running
    running.stop()


@pytest.fixture(scope="module")
def without_tls(servers_folder: Path) -> Iterator[Running]:
    """PostgreSQL 18, of a build that has no TLS."""

    def start() -> Running:
        return embedded.start(servers_folder / "hba18", password=PASSWORD)

    running = server_or_reason("PostgreSQL 18", start)
    yield running
    running.stop()


@pytest.fixture(params=["with_tls", "without_tls"])
def server(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


def file_of(server: Running) -> Path:
    return server.directory / "data" / "pg_hba.conf"


@contextmanager
def rules(server: Running, lines: Sequence[str]) -> Iterator[None]:
    """The server's pg_hba.conf begins with `lines` for the length of a test."""
    file = file_of(server)
    before = file.read_text(encoding="utf-8")
    file.write_text("\n".join([*lines, *OWN, ""]), encoding="utf-8")
    try:
        postgresql_do(server, [RELOAD])
        yield
    finally:
        file.write_text(before, encoding="utf-8")
        postgresql_do(server, [RELOAD])


def put(server: Running, finding: Finding) -> None:
    """Do with the file what the remediation says, and reload."""
    first, *lines, last = finding.remediation.split("\n")
    match = PLACE.fullmatch(first)
    assert match, first
    assert last == RELOAD
    file = file_of(server).parent / match[3]
    number = int(match[2])
    found = file.read_text(encoding="utf-8").split("\n")
    found[number - 1 : number if match[1] == "instead of" else number - 1] = lines
    file.write_text("\n".join(found), encoding="utf-8")
    postgresql_do(server, [last])


async def judged(judge: Judge, server: Running, check: str) -> CheckOutcome:
    return await judge.run(PREFIX + check, endpoint(server, Family.POSTGRESQL))


@dataclass(frozen=True, kw_only=True)
class Case:
    """Lines of the file and what a check finds in them, by the number of the line."""

    check: str
    name: str
    lines: Sequence[str]
    finds: Mapping[int, str] = field(default_factory=dict[int, str])
    on: Sequence[str] = ("with_tls", "without_tls")


CASES = [
    Case(
        check="trust",
        name="what_initdb_writes_and_a_network",
        lines=[
            "local all all trust",
            "host all all 127.0.0.1/32 trust",
            "host all all ::1/128 trust",
            "host all all 10.0.0.0/8 reject",
            "host shop all 10.0.0.1/32 trust",
            "host all all samehost trust",
            'host "my shop" "Bob, the ""DBA""" 192.0.2.0 255.255.255.0 trust',
            "host all app .example.com trust",
        ],
        finds={1: "major", 2: "major", 3: "major", 6: "major", 7: "critical", 8: "critical"},
    ),
    Case(
        check="trust",
        name="a_client_certificate_is_better_than_a_password",
        lines=[
            "hostssl all a all trust clientcert=verify-full",
            "hostssl all b all trust clientcert=verify-ca",
            "hostssl all c all trust",
        ],
        finds={2: "major", 3: "critical"},
        on=["with_tls"],
    ),
    Case(
        check="trust",
        name="a_hostssl_line_without_tls_lets_nobody_in",
        lines=["hostssl all all 0.0.0.0/0 trust"],
        on=["without_tls"],
    ),
    Case(
        check="cleartext",
        name="password_and_its_like",
        lines=[
            "host all a 10.0.0.0/8 password",
            "host all b 127.0.0.1/32 password",
            "hostnossl replication c all password",
        ],
        finds={1: "major", 3: "major"},
    ),
    Case(
        check="cleartext",
        name="methods_that_need_the_password_stay_and_want_tls",
        lines=[
            "host all a 10.0.0.0/8 pam pamservice=db",
            'host all b 10.0.0.0/8 ldap ldapserver=ad ldapprefix="cn=" ldaptls=1',
            "hostssl all c 10.0.0.0/8 pam",
            "hostnossl all all 192.0.2.0/24 reject",
            "host all all 192.0.2.1/32 pam",
        ],
        finds={1: "major", 2: "major"},
        on=["with_tls"],
    ),
    Case(
        check="md5",
        name="md5_wherever_it_is",
        lines=[
            "local all x md5",
            "host all x 10.0.0.0/8 md5",
            "host a y,z samenet md5",
            "host a z samenet md5",
        ],
        finds={1: "major", 2: "major", 3: "major"},
    ),
    Case(
        check="ident",
        name="ident_over_tcp_but_not_on_the_socket",
        lines=[
            "local all x ident",
            "host all x 127.0.0.1/32 ident",
            "host all x 10.0.0.0/8 ident map=m",
        ],
        finds={2: "trivial", 3: "major"},
    ),
    Case(
        check="any_address",
        name="all_and_masks_of_zeros",
        lines=[
            "host all a all scram-sha-256",
            "host all b 0.0.0.0/0 scram-sha-256",
            "host all c ::/0 md5",
            "host all d 10.1.2.3 0.0.0.0 scram-sha-256",
            "host all e 128.0.0.0/1 scram-sha-256",
            "host all f 10.0.0.0/8 scram-sha-256",
            "host all g all reject",
            "host all g all scram-sha-256",
        ],
        finds={1: "major", 2: "major", 3: "major", 4: "major", 5: "major"},
    ),
    Case(
        check="no_tls",
        name="clients_that_may_choose_the_clear",
        lines=[
            "host all a 10.0.0.0/8 scram-sha-256",
            "hostnossl all b 10.0.0.0/8 scram-sha-256",
            "hostnogssenc all c samenet md5",
            "hostssl all d 10.0.0.0/8 scram-sha-256",
            "host all e samehost scram-sha-256",
        ],
        finds={1: "major", 2: "major", 3: "major"},
        on=["with_tls"],
    ),
    Case(
        check="no_tls",
        name="a_preceding_reject_neutralises_later_host_rules",
        lines=[OWN[1], "hostnossl all all all reject", "host all all 0.0.0.0/0 scram-sha-256"],
        on=["with_tls"],
    ),
    Case(
        check="superuser_remote",
        name="by_all_by_name_and_by_group",
        lines=[
            "host all hba_root 10.1.0.0/16 scram-sha-256",
            "host a,replication +hba_dba 10.2.0.0/16 scram-sha-256",
            "host all hba_plain 10.3.0.0/16 scram-sha-256",
            "host all hba_root,+hba_dba,postgres 10.4.0.0/16 reject",
            "host all all 10.4.0.0/16 scram-sha-256",
            "host all all 10.5.0.0/16 scram-sha-256",
        ],
        finds={1: "major", 2: "major", 6: "major"},
    ),
    Case(
        check="superuser_remote",
        name="by_a_pattern_from_16_on",
        lines=[
            "host all /^hba_r 10.1.0.0/16 scram-sha-256",
            "host all /^hba_p.*$ 10.1.0.0/16 scram-sha-256",
            'host all "/^post,x(a|b)$" 10.2.0.0/16 scram-sha-256',
        ],
        finds={1: "major"},
        on=["without_tls"],
    ),
    Case(
        check="replication_open",
        name="without_password_or_for_everybody",
        lines=[
            "local replication x trust",
            "host replication a 10.0.0.0/8 trust",
            "host replication b all scram-sha-256",
            "host replication c 10.0.0.0/8 scram-sha-256",
            "host all d 0.0.0.0/0 trust",
            "host shop,replication e 0.0.0.0/0 trust",
        ],
        finds={1: "major", 2: "critical", 3: "major", 6: "critical"},
    ),
    Case(
        check="errors",
        name="a_line_that_ends_too_early",
        lines=["host bad", "host all all 10.0.0.0/8 nonsense"],
        finds={1: "trivial", 2: "trivial"},
    ),
    Case(
        check="errors",
        name="a_hostssl_line_without_tls",
        lines=["hostssl all all 10.0.0.0/8 scram-sha-256"],
        finds={1: "trivial"},
        on=["without_tls"],
    ),
]
ROLES = ["CREATE ROLE hba_dba", "CREATE ROLE hba_root SUPERUSER LOGIN IN ROLE hba_dba"]
ROLES += ["CREATE ROLE hba_plain LOGIN", "CREATE ROLE hba_unused SUPERUSER"]
NO_ROLES = [f"DROP ROLE {name}" for name in ("hba_unused", "hba_plain", "hba_root", "hba_dba")]


@pytest.mark.parametrize(
    ("case", "name"),
    [
        pytest.param(case, name, id=f"{case.check}-{case.name}-{name}")
        for case in CASES
        for name in case.on
    ],
)
async def test_the_lines_of_a_file_are_found_and_mended_by_the_findings_own_lines(
    judge: Judge, case: Case, name: str, request: pytest.FixtureRequest
) -> None:
    server: Running = request.getfixturevalue(name)
    with postgresql_state(server, ROLES, NO_ROLES), rules(server, case.lines):
        outcome = await judged(judge, server, case.check)
        assert outcome.outcome in {"passed", "failed"}, outcome
        found = {one.object: str(one.severity) for one in outcome.findings}
        assert found == {f"pg_hba.conf:{number}": word for number, word in case.finds.items()}
        # From the end: a line put above another moves those below.
        for one in sorted(outcome.findings, key=lambda one: -int(str(one.object).split(":")[1])):
            put(server, one)
        for check in {case.check, *(() if "hostssl" in case.lines[0] else ("errors",))}:
            after = await judged(judge, server, check)
            assert (after.outcome, after.findings) == ("passed", ()), after


@pytest.mark.parametrize("check", CHECKS)
async def test_a_default_install_with_passwords_has_no_finding(
    judge: Judge, server: Running, check: str
) -> None:
    outcome = await judged(judge, server, check)
    if check == "no_tls" and "18" in str(server.directory):
        assert (outcome.outcome, "postgresql_tls_off" in outcome.reason) == ("skipped", True)
    else:
        assert outcome.outcome == "passed", outcome


@pytest.mark.parametrize("check", CHECKS)
async def test_without_one_of_the_two_grants_both_are_named_and_nothing_passes(
    judge: Judge, with_tls: Running, without_tls: Running, check: str
) -> None:
    make = ["CREATE ROLE hba_low LOGIN PASSWORD 'low'"]
    undo = ["DROP OWNED BY hba_low", "DROP ROLE hba_low"]
    for server in (with_tls, without_tls):
        with postgresql_state(server, make, undo):
            where = endpoint(server, Family.POSTGRESQL)
            low = replace(where, user="hba_low", password="low")
            for grant in GRANTS:
                outcome = await judge.run(PREFIX + check, low)
                assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
                assert "; ".join(GRANTS) in outcome.reason
                postgresql_do(server, [f"GRANT {grant} TO hba_low"])
            outcome = await judge.run(PREFIX + check, low)
            assert outcome.outcome in {"passed", "skipped"}, outcome


async def test_a_file_that_would_be_refused_decides_nothing_but_its_errors(
    judge: Judge, server: Running
) -> None:
    with rules(server, ["host bad"]):
        for check in CHECKS:
            outcome = await judged(judge, server, check)
            assert outcome.outcome == ("failed" if check == "errors" else "skipped"), outcome
            without = check == "no_tls" and "18" in str(server.directory)
            assert "pg_hba.conf:1" in outcome.reason + str(outcome.findings) or without


async def test_an_included_file_is_named_and_its_line_mended(
    judge: Judge, without_tls: Running
) -> None:
    extra = file_of(without_tls).with_name("extra.conf")
    extra.write_text("# a comment\nhost all x 10.0.0.0/8 trust\n")
    extra.chmod(0o644)
    try:
        with rules(without_tls, ["include extra.conf"]):
            (finding,) = (await judged(judge, without_tls, "trust")).findings
            assert finding.object == "extra.conf:2"
            put(without_tls, finding)
            assert (await judged(judge, without_tls, "trust")).outcome == "passed"
    finally:
        extra.unlink()


async def test_secrets_of_a_line_never_leave_the_server(judge: Judge, with_tls: Running) -> None:
    ldap = 'ldap ldapserver=ad ldapbasedn="dc=x" ldapbinddn="cn=x" ldapbindpasswd=hunter2'
    radius = 'radius radiusservers=127.0.0.1 radiussecrets="hunter2,hunter2"'
    with rules(with_tls, [f"host all a 10.0.0.0/8 {ldap}", f"host all all 10.0.0.0/8 {radius}"]):
        outcomes = [await judged(judge, with_tls, check) for check in CHECKS]
    assert "hunter2" not in str(outcomes)
    (finding,) = next(one for one in outcomes if one.check == "postgresql_hba_cleartext").findings
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


@contextmanager
def maps(server: Running, lines: Sequence[str]) -> Iterator[None]:
    """The server's pg_ident.conf holds `lines` for the length of a test."""
    file = file_of(server).with_name("pg_ident.conf")
    before = file.read_text(encoding="utf-8")
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


async def test_a_map_that_makes_a_pattern_the_superuser_is_found_and_mended(
    judge: Judge, server: Running
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    with maps(server, MAPS):
        outcome = await judge.run(IDENT, where)
        assert [one.object for one in outcome.findings] == ["pg_ident.conf:1"]
        put(server, outcome.findings[0])
        assert (await judge.run(IDENT, where)).outcome == "passed"
    assert (await judge.run(IDENT, where)).outcome == "passed"  # the empty map of an install


async def test_words_for_many_roles_in_a_map_count_from_16_on(
    judge: Judge, server: Running
) -> None:
    where = endpoint(server, Family.POSTGRESQL)
    lines = ["a /^x all", "b /^x +hba_dba", 'c /^x "/^hba_r.*"', "d /^x /^hba_p"]
    with postgresql_state(server, ROLES, NO_ROLES), maps(server, lines):
        outcome = await judge.run(IDENT, where)
        found = {one.object for one in outcome.findings}
        newer = "18" in str(server.directory)
        assert found == ({f"pg_ident.conf:{number}" for number in (1, 2, 3)} if newer else set())
        for one in outcome.findings:
            put(server, one)
        assert (await judge.run(IDENT, where)).outcome == "passed"


async def test_a_map_with_an_error_decides_nothing(judge: Judge, server: Running) -> None:
    with maps(server, ["a"]):
        outcome = await judge.run(IDENT, endpoint(server, Family.POSTGRESQL))
    assert (outcome.outcome, "pg_ident.conf:1" in outcome.reason) == ("skipped", True)


async def test_maps_want_both_of_their_grants(judge: Judge, server: Running) -> None:
    make = ["CREATE ROLE hba_low LOGIN PASSWORD 'low'"]
    undo = ["DROP OWNED BY hba_low", "DROP ROLE hba_low"]
    with postgresql_state(server, make, undo):
        low = replace(endpoint(server, Family.POSTGRESQL), user="hba_low", password="low")
        for grant in IDENT_GRANTS:
            outcome = await judge.run(IDENT, low)
            assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
            assert "; ".join(IDENT_GRANTS) in outcome.reason
            postgresql_do(server, [f"GRANT {grant} TO hba_low"])
        assert (await judge.run(IDENT, low)).outcome == "passed"
