"""PostgreSQL: each mode of TLS does what it says, and no password goes over in clear text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stt_coordinator.local.servers import postgresql as embedded_postgresql
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Tls
from tests.servers.certificates import Certificates
from tests.servers.fixtures import serving
from tests.support.worker.postgresql_questions import at, refusal, rows


@pytest.fixture(scope="module")
def wrong_name(servers_folder: Path, certificates: Certificates) -> Iterator[Running]:
    """A server whose certificate is another host's."""

    def start() -> Running:
        return embedded_postgresql.start(
            servers_folder / "postgresql-wrong",
            binaries=embedded_postgresql.installed(15),
            tls=(certificates.wrong_cert, certificates.wrong_key, certificates.ca),
        )

    with serving("PostgreSQL 15", start) as running:
        yield running


@pytest.mark.parametrize("mode", ["off", "require", "verify-ca", "verify-full"])
async def test_each_mode_of_tls_encrypts_or_does_not(
    postgresql15: Running, certificates: Certificates, mode: str
) -> None:
    ca = str(certificates.ca) if mode.startswith("verify") else ""
    endpoint = replace(at(postgresql15), tls=Tls(mode=mode, ca=ca))
    found = await rows(endpoint, "ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    assert found == [{"ssl": mode != "off"}]


async def test_an_unknown_authority_is_a_tls_error(
    postgresql15: Running, certificates: Certificates
) -> None:
    for tls in (Tls(), Tls(ca=str(certificates.other_ca)), Tls(mode="verify-ca")):
        error = await refusal(replace(at(postgresql15), tls=tls))
        assert error.kind is Kind.TLS
        assert "certificate verify failed" in error.reason


async def test_a_name_mismatch_says_what_was_asked_and_what_was_found(
    wrong_name: Running, certificates: Certificates
) -> None:
    endpoint = replace(at(wrong_name), tls=Tls(ca=str(certificates.ca)))
    error = await refusal(endpoint)
    assert error.kind is Kind.TLS
    assert "verify-full requires a certificate" in error.reason
    assert 'certificate for "elsewhere.example"' in error.reason
    assert 'does not match host name "127.0.0.1"' in error.reason
    tls = Tls(mode="verify-ca", ca=str(certificates.ca))
    assert await rows(replace(endpoint, tls=tls), "1 AS one") == [{"one": 1}]


async def test_a_server_without_tls_is_a_tls_error(postgresql: Running) -> None:
    error = await refusal(replace(at(postgresql), tls=Tls(mode="require")))
    assert error.kind is Kind.TLS
    assert "server does not support SSL" in error.reason


async def test_a_client_certificate_logs_in(
    servers_folder: Path, certificates: Certificates, tmp_path: Path
) -> None:
    def start() -> Running:
        return embedded_postgresql.start(
            servers_folder / "postgresql-cert",
            superuser="stt-client",  # the name in the certificate
            binaries=embedded_postgresql.installed(15),
            tls=(certificates.cert, certificates.key, certificates.ca),
        )

    key = tmp_path / "client.key"
    shutil.copy(certificates.client_key, key)
    key.chmod(0o600)
    with serving("PostgreSQL 15", start) as running:
        hba = running.directory / "data" / "pg_hba.conf"
        hba.write_text("hostssl all all 127.0.0.1/32 cert\n", encoding="utf-8")
        running.restart()
        tls = Tls(ca=str(certificates.ca))
        without = replace(at(running), tls=tls)
        assert (await refusal(without)).kind in {Kind.AUTH, Kind.TLS}
        shown = replace(tls, cert=str(certificates.client_cert), key=str(key))
        found = await rows(replace(without, tls=shown), "current_user AS u")
        assert found == [{"u": "stt-client"}]
        clear = replace(without, tls=Tls(mode="off"))
        error = await refusal(clear)
    assert error.kind is Kind.AUTH
    assert "no pg_hba.conf entry" in error.reason


async def test_a_password_is_never_handed_over_in_clear_text(
    servers_folder: Path,
) -> None:
    def start() -> Running:
        return embedded_postgresql.start(servers_folder / "postgresql-clear", password="secret")

    with serving("PostgreSQL 18", start) as running:
        hba = running.directory / "data" / "pg_hba.conf"
        hba.write_text("host all all 127.0.0.1/32 password\n", encoding="utf-8")
        running.restart()
        error = await refusal(at(running))
    assert error.kind is Kind.AUTH
    assert "server requested a cleartext password" in error.reason


async def test_files_of_tls_that_are_missing_are_named(postgresql: Running) -> None:
    error = await refusal(replace(at(postgresql), tls=Tls(ca="/nowhere/ca.pem")))
    assert error.kind is Kind.CONFIG
    assert "/nowhere/ca.pem" in error.reason
