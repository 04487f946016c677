"""MongoDB started as badly as its options allow, and again with the lines of the findings."""

from __future__ import annotations

import os
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import HOST, UNPRIVILEGED, Running, free_port
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint, Tls
from tests.servers.certificates import Certificates
from tests.support.checks.mongod_tls import certificate_that_ends_soon, greeted_with_tls_1_1
from tests.support.checks.mongods import (
    CA,
    CERTIFICATE,
    DEFAULT_PORTS,
    KEY_FILE,
    Options,
    direct,
    followed,
    found,
    free_default_port,
    key_file,
    mongod,
    moved,
    replica_set,
    restarted,
    set_of_one,
    set_parameter,
    under,
    wait_for_arbiter,
)
from tests.support.checks.real import CheckRunner, endpoint
from tests.support.checks.scenario import mongodb_do

BAD = {
    "mongodb_bind_all": {"net.bindIp": "critical"},
    "mongodb_default_port": {"net.port": "trivial"},
    "mongodb_tls_mode": {"net.tls.mode": "major"},
    "mongodb_tls_protocols": {"net.tls.disabledProtocols": "major"},
    "mongodb_tls_lax_verification": {
        "net.tls.allowInvalidCertificates": "major",
        "net.tls.allowInvalidHostnames": "major",
    },
    "mongodb_tls_cert_expiry": {"net.tls.certificateKeyFile": "trivial"},
    "mongodb_test_commands": {"enableTestCommands": "critical"},
    "mongodb_auth_mechanisms": {
        "authenticationMechanisms PLAIN": "major",
        "authenticationMechanisms SCRAM-SHA-1": "trivial",
    },
    "mongodb_javascript_enabled": {"security.javascriptEnabled": "trivial"},
    "mongodb_localhost_bypass": {"enableLocalhostAuthBypass": "trivial"},
    "mongodb_logging": {"systemLog.quiet": "trivial", "systemLog.logAppend": "trivial"},
    "mongodb_scram_iterations": {"scramSHA256IterationCount": "trivial"},
}
MOST_STEPS = 6


@pytest.fixture(params=["mongodb-6.0", "mongodb-4.4"])
def binary(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def careless(server: Running, certificates: Certificates) -> Options:
    pem = server.directory / "server.pem"
    certificate_that_ends_soon(pem)
    tls = {"mode": "allowTLS", "certificateKeyFile": str(pem), "CAFile": str(certificates.ca)}
    lax = {"allowInvalidCertificates": True, "allowInvalidHostnames": True}
    more = {"disabledProtocols": "none", "allowConnectionsWithoutCertificates": True}
    return {
        "net": {"bindIp": "0", "port": free_default_port(), "tls": tls | lax | more},
        "setParameter": {
            "enableTestCommands": True,
            "authenticationMechanisms": "PLAIN,SCRAM-SHA-1,SCRAM-SHA-256",
            "scramSHA256IterationCount": 5000,
        },
        "systemLog": {"quiet": True, "destination": "file", "path": str(server.directory / "log")},
    }


def encrypted(where: Endpoint) -> Endpoint:
    return replace(where, tls=Tls(mode="require"))


async def test_every_bad_option_is_found_and_the_findings_lines_mend_it(
    runner: CheckRunner, servers_folder: Path, binary: str, certificates: Certificates
) -> None:
    with mongod(servers_folder / f"careless-{binary}", binary) as server:
        config = careless(server, certificates)
        moved(server, config)
        assert greeted_with_tls_1_1(server) == "TLSv1.1"
        where = endpoint(server, Family.MONGODB)
        outcomes = await runner.run_all(where, BAD)
        assert found(outcomes) == BAD, outcomes
        (protocols,) = outcomes["mongodb_tls_protocols"].findings
        assert protocols.evidence[0]["clients_with_tls_1_1"] == 1
        pem = server.directory / "server.pem"
        pem.write_bytes(certificates.both.read_bytes())  # what the finding asks people to do
        if binary == "mongodb-6.0":
            with direct(server) as client:
                client.admin.command("rotateCertificates", 1)
            assert await runner.objects("mongodb_tls_cert_expiry", where) == {}
        for name, outcome in outcomes.items():
            if name != "mongodb_tls_cert_expiry":
                followed(config, outcome.findings, {})
        assert config["net"]["port"] not in DEFAULT_PORTS
        config["net"]["port"] = free_port()  # the one that is proposed may be taken here
        moved(server, config)
        after = await runner.run_all(encrypted(endpoint(server, Family.MONGODB)), BAD)
        assert {str(one.outcome) for one in after.values()} == {"passed"}, after
        with pytest.raises(ssl.SSLError):
            greeted_with_tls_1_1(server)


async def test_tls_that_was_off_is_required_by_the_findings_lines_alone(
    runner: CheckRunner, servers_folder: Path, binary: str, certificates: Certificates
) -> None:
    with mongod(servers_folder / f"clear-{binary}", binary) as server:
        config: Options = {"net": {"bindIpAll": True}}
        restarted(server, config)
        where = endpoint(server, Family.MONGODB)
        outcomes = await runner.run_all(where, ["mongodb_tls_mode", "mongodb_bind_all"])
        assert found(outcomes) == {
            "mongodb_tls_mode": {"net.tls.mode": "major"},
            "mongodb_bind_all": {"net.bindIp": "critical"},
        }
        files = {CERTIFICATE: certificates.both, CA: certificates.ca}
        # Only TLS: it has to be evaluated with all addresses open.
        followed(config, outcomes["mongodb_tls_mode"].findings, files)
        restarted(server, config)
        assert await runner.objects("mongodb_tls_mode", encrypted(where)) == {}
        refused = await runner.run("mongodb_tls_mode", where)
        assert refused.outcome == "error"
        followed(config, outcomes["mongodb_bind_all"].findings, files)
        restarted(server, config)
        assert await runner.objects("mongodb_bind_all", encrypted(where)) == {}


async def test_members_of_a_set_get_from_nothing_to_certificates_by_the_findings_lines(
    runner: CheckRunner, servers_folder: Path, binary: str, certificates: Certificates
) -> None:
    with mongod(servers_folder / f"set-{binary}", binary, "rs") as server:
        set_of_one(server)
        files = {
            KEY_FILE: key_file(server.directory),
            CERTIFICATE: certificates.both,
            CA: certificates.ca,
        }
        config: Options = {"net": {"bindIp": HOST}}
        where = endpoint(server, Family.MONGODB)
        seen: list[tuple[str, str]] = []
        for _ in range(MOST_STEPS):
            findings = (await runner.run("mongodb_cluster_auth", where)).findings
            if not findings:
                break
            seen.append(
                (str(findings[0].severity), str(findings[0].evidence[0]["clusterAuthMode"]))
            )
            followed(config, findings, files)
            restarted(server, config)
            where = replace(endpoint(server, Family.MONGODB), user="a", password="x")
        assert seen == [
            ("critical", "undefined"),
            *(("trivial", mode) for mode in ("keyFile", "sendKeyFile", "sendX509")),
        ]
        last = await runner.run("mongodb_cluster_auth", where)
        assert last.outcome == "passed", last
        # Passwords without a certificate, as the first step allowed, do not go with certificates.
        lax = await runner.objects("mongodb_tls_lax_verification", where)
        assert lax == {"net.tls.allowConnectionsWithoutCertificates": "major"}


async def test_a_member_that_listens_everywhere_keeps_the_address_others_know(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    with mongod(servers_folder / f"everywhere-{binary}", binary, "rs") as server:
        set_of_one(server)
        config: Options = {"net": {"bindIp": "*"}}
        restarted(server, config)
        where = endpoint(server, Family.MONGODB)
        outcome = await runner.run("mongodb_bind_all", where)
        followed(config, outcome.findings, {})
        assert config == {"net": {"bindIp": HOST, "bindIpAll": False}}
        restarted(server, config)
        assert await runner.objects("mongodb_bind_all", where) == {}
        allowed = await runner.run("mongodb_cluster_ip_allowlist", where)
        if binary == "mongodb-4.4":
            assert (allowed.outcome, allowed.kind) == ("skipped", "not_applicable")
            return
        followed(config, allowed.findings, {})
        config["security"]["keyFile"] = str(key_file(server.directory))
        restarted(server, config)
        where = replace(where, user="a", password="x")
        assert await runner.objects("mongodb_cluster_ip_allowlist", where) == {}
        set_parameter(server, "clusterIpSourceAllowlist", ["127.0.0.1", "0.0.0.0/0"])
        assert (await runner.run("mongodb_cluster_ip_allowlist", where)).outcome == "failed"


async def test_an_arbiter_whose_host_may_do_anything_is_found_and_then_tells_nobody_anything(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    name = "mongodb_localhost_bypass"
    with replica_set(servers_folder / f"bypass-{binary}", binary, key=True) as arbiter:
        where = replace(endpoint(arbiter, Family.MONGODB), user="a", password="x")
        outcome = await runner.run(name, where)
        assert found({name: outcome}) == {name: {"enableLocalhostAuthBypass": "major"}}
        config: Options = {"net": {"bindIp": HOST}}
        followed(config, outcome.findings, {})
        restarted(arbiter, config)
        wait_for_arbiter(arbiter)
        after = await runner.run(name, where)
        assert (after.outcome, after.kind) == ("error", "no_privilege"), after


async def test_members_with_a_key_file_need_no_sha_1(servers_folder: Path, binary: str) -> None:
    words = ["--setParameter", "authenticationMechanisms=SCRAM-SHA-256"]
    # The arbiter hears of its set from the primary alone, which has to log in for that.
    with replica_set(servers_folder / f"sha-{binary}", binary, key=True, words=words) as arbiter:
        assert arbiter.pid


async def test_the_user_the_server_runs_as_is_found_and_another_one_is_not(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    name = "mongodb_run_as_root"
    with mongod(servers_folder / f"root-{binary}", binary) as server:
        where = endpoint(server, Family.MONGODB)
        if os.geteuid() == 0:
            assert await runner.objects(name, where) == {"operating system user": "major"}
            under(UNPRIVILEGED, server, servers_folder / f"program-{binary}")
        assert await runner.objects(name, where) == {}


async def test_transition_to_auth_is_one_finding_of_mongodb_auth_and_its_line_ends_it(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    check = builtin().find("mongodb_transition_to_auth")
    assert check is not None
    with mongod(servers_folder / f"transition-{binary}", binary) as server:
        line = 'db.getSiblingDB("admin").runCommand'
        mongodb_do(server, [f'{line}({{"createUser": "a", "pwd": "x", "roles": ["root"]}})'])
        security = {"keyFile": str(key_file(server.directory)), "transitionToAuth": True}
        config: Options = {"net": {"bindIp": HOST}, "security": security}
        restarted(server, config)
        where = replace(endpoint(server, Family.MONGODB), user="a", password="x")
        outcome = await runner.run(check.name, where)
        assert found({check.name: outcome}) == {
            "mongodb_auth": {"security.transitionToAuth": "major"}
        }
        followed(config, outcome.findings, {})
        restarted(server, config)
        assert await runner.objects(check.name, where) == {}
        stranger = await runner.run(check.name, endpoint(server, Family.MONGODB))
        assert (stranger.outcome, stranger.kind) == ("error", "no_privilege")


async def test_without_a_user_the_first_client_becomes_administrator(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    with mongod(servers_folder / f"nobody-{binary}", binary) as server:
        restarted(
            server, {"net": {"bindIp": "127.0.0.1"}, "security": {"authorization": "enabled"}}
        )
        where = endpoint(server, Family.MONGODB)
        # What the exception lets a stranger do is make a user, not look at the options.
        outcome = await runner.run("mongodb_no_users", where)
        assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
        line = 'db.getSiblingDB("admin").runCommand'
        mongodb_do(server, [f'{line}({{"createUser": "a", "pwd": "x", "roles": ["root"]}})'])
        known = replace(where, user="a", password="x")
        assert await runner.objects("mongodb_no_users", known) == {}


async def test_a_password_set_again_has_the_newer_hash(
    runner: CheckRunner, mongodb: Running
) -> None:
    line = 'db.getSiblingDB("stt_again").runCommand'
    create = '({"createUser": "old", "pwd": "x", "roles": [], "mechanisms": ["SCRAM-SHA-1"]})'
    change = '({"updateUser": "old", "pwd": "y", "mechanisms": ["SCRAM-SHA-256"]})'
    where = endpoint(mongodb, Family.MONGODB)
    mongodb_do(mongodb, [line + create])
    try:
        assert "old@stt_again" in await runner.objects("mongodb_scram_sha1_users", where)
        mongodb_do(mongodb, [line + change])
        assert "old@stt_again" not in await runner.objects("mongodb_scram_sha1_users", where)
    finally:
        mongodb_do(mongodb, [line + '({"dropUser": "old"})'])
