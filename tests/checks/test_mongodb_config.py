"""MongoDB started as badly as its options allow, and again with the lines of the findings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient

from stt_coordinator.embedded import mongodb as embedded
from stt_coordinator.embedded.process import Running
from stt_shared.protocol.words import Family
from stt_worker.databases.port import Endpoint, Tls
from tests.checks.hardening import merge
from tests.checks.real import Judge, endpoint, judging
from tests.checks.scenario import mongodb_do
from tests.servers.certificates import Certificates
from tests.servers.fixtures import server_or_reason

BAD = {
    "mongodb_bind_all": {"net.bindIp": "critical"},
    "mongodb_tls_mode": {"net.tls.mode": "major"},
    "mongodb_tls_protocols": {"net.tls.disabledProtocols": "major"},
    "mongodb_tls_lax_verification": {
        "net.tls.allowInvalidCertificates": "major",
        "net.tls.allowInvalidHostnames": "major",
    },
    "mongodb_test_commands": {"enableTestCommands": "critical"},
    "mongodb_auth_mechanisms": {"authenticationMechanisms SCRAM-SHA-1": "trivial"},
    "mongodb_javascript_enabled": {"security.javascriptEnabled": "trivial"},
    "mongodb_localhost_bypass": {"enableLocalhostAuthBypass": "trivial"},
    "mongodb_logging": {"systemLog.quiet": "trivial", "systemLog.logAppend": "trivial"},
}
KEY_FILE = "/etc/mongodb.key"
CERTIFICATE = "/etc/ssl/mongodb.pem"


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    async with judging() as one:
        yield one


@pytest.fixture(params=["mongodb-6.0", "mongodb-4.4"])
def binary(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def mongod(folder: Path, binary: str, replica_set: str = "") -> Iterator[Running]:
    running = server_or_reason(
        binary,
        lambda: embedded.start(
            folder / "mongod", binary=embedded.find(binary), replica_set=replica_set
        ),
    )
    try:
        yield running
    finally:
        running.kill()  # in order a member of a set takes its time
        running.stop()


def restarted(server: Running, config: dict[str, Any]) -> None:
    """The server with `config` in its file, and nothing of the address on its command line."""
    file = server.directory / "mongod.yaml"
    file.write_text(yaml.safe_dump(config))
    words = [word for word in server.command if word not in {"--bind_ip", server.host}]
    words = [word for word in words if word not in {"--config", str(file)}]
    server.command = [*words, "--config", str(file)]
    server.restart()


def careless(server: Running, certificates: Certificates) -> dict[str, Any]:
    both = server.directory / "server.pem"
    both.write_text(certificates.cert.read_text() + certificates.key.read_text())
    tls = {"mode": "allowTLS", "certificateKeyFile": str(both), "CAFile": str(certificates.ca)}
    lax = {"allowInvalidCertificates": True, "allowInvalidHostnames": True}
    more = {"disabledProtocols": "none", "allowConnectionsWithoutCertificates": True}
    return {
        "net": {"bindIp": "0.0.0.0", "tls": tls | lax | more},  # noqa: S104  # that is the fault
        "setParameter": {"enableTestCommands": True},
        "systemLog": {"quiet": True, "destination": "file", "path": str(server.directory / "log")},
    }


def encrypted(where: Endpoint) -> Endpoint:
    return replace(where, tls=Tls(mode="require"))


async def test_every_bad_option_is_found_and_the_findings_lines_mend_it(
    judge: Judge, servers_folder: Path, binary: str, certificates: Certificates
) -> None:
    with mongod(servers_folder / f"careless-{binary}", binary) as server:
        config = careless(server, certificates)
        restarted(server, config)
        where = endpoint(server, Family.MONGODB)
        outcomes = await judge.run_all(where, BAD)
        found = {
            name: {str(one.object): str(one.severity) for one in outcome.findings}
            for name, outcome in outcomes.items()
        }
        assert found == BAD, outcomes
        ends = await judge.run("mongodb_tls_cert_expiry", where)
        assert ends.outcome in {"passed", "failed"}, ends
        pem = str(server.directory / "server.pem")
        for outcome in outcomes.values():
            for finding in outcome.findings:
                merge(config, yaml.safe_load(finding.remediation.replace(CERTIFICATE, pem)))
        restarted(server, config)
        after = await judge.run_all(encrypted(where), BAD)
        still = {name: str(one.outcome) for name, one in after.items() if one.outcome != "passed"}
        assert still == {}, after


async def test_a_member_of_a_set_is_judged_by_how_it_knows_the_others(
    judge: Judge, servers_folder: Path, binary: str
) -> None:
    with mongod(servers_folder / f"set-{binary}", binary, "rs") as server:
        with MongoClient[dict[str, Any]](server.host, server.port, directConnection=True) as client:
            member = {"_id": 0, "host": f"{server.host}:{server.port}"}
            client.admin.command("replSetInitiate", {"_id": "rs", "members": [member]})
        # Not with a direct connection: this one waits until there is a primary.
        with MongoClient[dict[str, Any]](server.host, server.port, replicaSet="rs") as client:
            client.admin.command("createUser", "a", pwd="x", roles=["root"])
        where = endpoint(server, Family.MONGODB)
        outcome = await judge.run("mongodb_cluster_auth", where)
        assert len(outcome.findings) == 1, outcome
        (finding,) = outcome.findings
        assert str(finding.severity) == "critical"
        key = server.directory / "key"
        key.write_text("c2VjcmV0" * 8)
        key.chmod(0o600)
        config = {"net": {"bindIp": "127.0.0.1"}}
        merge(config, yaml.safe_load(finding.remediation.replace(KEY_FILE, str(key))))
        allowed = await judge.run("mongodb_cluster_ip_allowlist", where)
        if binary == "mongodb-6.0":
            (listed,) = allowed.findings
            merge(config, yaml.safe_load(listed.remediation))
        else:
            assert (allowed.outcome, allowed.kind) == ("skipped", "not_applicable")
        restarted(server, config)
        where = replace(where, user="a", password="x")
        (finding,) = (await judge.run("mongodb_cluster_auth", where)).findings
        assert str(finding.severity) == "trivial"
        if binary == "mongodb-6.0":
            assert await judge.objects("mongodb_cluster_ip_allowlist", where) == {}


async def test_without_a_user_whoever_comes_first_is_administrator(
    judge: Judge, servers_folder: Path, binary: str
) -> None:
    with mongod(servers_folder / f"nobody-{binary}", binary) as server:
        restarted(
            server, {"net": {"bindIp": "127.0.0.1"}, "security": {"authorization": "enabled"}}
        )
        where = endpoint(server, Family.MONGODB)
        # What the exception lets a stranger do is make a user, not look at the options.
        outcome = await judge.run("mongodb_no_users", where)
        assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
        line = 'db.getSiblingDB("admin").runCommand'
        mongodb_do(server, [f'{line}({{"createUser": "a", "pwd": "x", "roles": ["root"]}})'])
        known = replace(where, user="a", password="x")
        assert await judge.objects("mongodb_no_users", known) == {}


async def test_a_password_set_again_has_the_newer_hash(judge: Judge, mongodb: Running) -> None:
    line = 'db.getSiblingDB("stt_again").runCommand'
    create = '({"createUser": "old", "pwd": "x", "roles": [], "mechanisms": ["SCRAM-SHA-1"]})'
    change = '({"updateUser": "old", "pwd": "y", "mechanisms": ["SCRAM-SHA-256"]})'
    where = endpoint(mongodb, Family.MONGODB)
    mongodb_do(mongodb, [line + create])
    try:
        assert "old@stt_again" in await judge.objects("mongodb_scram_sha1_users", where)
        mongodb_do(mongodb, [line + change])
        assert "old@stt_again" not in await judge.objects("mongodb_scram_sha1_users", where)
    finally:
        mongodb_do(mongodb, [line + '({"dropUser": "old"})'])
