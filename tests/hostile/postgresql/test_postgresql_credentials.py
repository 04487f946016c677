"""No server, no environment and no file of a home gets a password of PostgreSQL out of us."""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg.pq
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.port import Endpoint, InspectionError, Limits, Tls
from stt_worker.databases.postgresql.connect import ENVIRONMENT, options
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from tests.hostile.postgresql.fake_postgresql_login import ASKS, SALT, Fake, asking
from tests.hostile.postgresql.postgresql_tenant import do
from tests.servers.certificates import Certificates
from tests.support.checks.real import endpoint

USER, PASSWORD = "stt", "a password that nobody may see"
SHORT = Limits(connect_s=1)
ONE = Question(type=QueryType.POSTGRESQL_SELECT, text="inet_server_port() AS port")
# No environment and no file sets these; a service file could, and none is read.
WITHOUT_ENVIRONMENT = {
    *("service", "tcp_user_timeout", "keepalives_idle", "keepalives_interval"),
    *("keepalives_count", "scram_client_key", "scram_server_key"),
}


def at(port: int, tls: Tls, host: str = "127.0.0.1", socket: str = "") -> Endpoint:
    return Endpoint(
        family=Family.POSTGRESQL,
        host="" if socket else host,
        port=port,
        socket=socket,
        user=USER,
        password=PASSWORD,
        tls=tls,
    )


async def refusal(where: Endpoint) -> InspectionError:
    with pytest.raises(InspectionError) as caught:
        await PostgresqlDatabase().inspect(where, lambda _: [], SHORT)
    assert PASSWORD not in caught.value.reason
    return caught.value


def given(fake: Fake) -> str:
    """What the fake has of the password now: nothing, a hash to try passwords against, or all."""
    if PASSWORD.encode() in fake.heard:
        return "password"
    inner = hashlib.md5(f"{PASSWORD}{USER}".encode()).hexdigest()  # noqa: S324  # their method
    answer = hashlib.md5(inner.encode() + SALT).hexdigest()  # noqa: S324
    return "hash" if answer.encode() in fake.heard else ""


@dataclass(frozen=True, kw_only=True)
class Way:
    """How the connection is protected, and what each method may get out of us then."""

    mode: str
    remote: bool = False
    ca: bool = False
    other_ca: bool = False
    socket: bool = False
    gives: tuple[str, ...] = ()


WAYS = {
    "in clear to another machine": Way(mode="off", remote=True),
    "in clear to this machine": Way(mode="off", gives=("md5",)),
    "encrypted to anybody": Way(mode="require", remote=True, gives=("md5",)),
    "require with its authority": Way(mode="require", ca=True, gives=("md5", "password")),
    "require with another's authority": Way(mode="require", other_ca=True),
    "verify-ca": Way(mode="verify-ca", ca=True, gives=("md5", "password")),
    "verify-full": Way(mode="verify-full", ca=True, gives=("md5", "password")),
    "verify-full with another's": Way(mode="verify-full", other_ca=True),
    "a socket of this machine": Way(mode="off", socket=True, gives=("md5", "password")),
}


@pytest.fixture
def context(certificates: Certificates) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificates.cert, certificates.key)
    return made


@pytest.mark.parametrize("way", list(WAYS))
async def test_only_what_the_state_of_encryption_allows_is_given(
    way: str, context: ssl.SSLContext, certificates: Certificates, address: str, tmp_path: Path
) -> None:
    how = WAYS[way]
    ca = certificates.ca if how.ca else certificates.other_ca if how.other_ca else ""
    tls = Tls(mode=how.mode, ca=str(ca))
    host = address if how.remote else "127.0.0.1"
    socket = str(tmp_path / ".s.PGSQL.5432") if how.socket else ""
    found: dict[str, str] = {}
    for method in ASKS:
        server_tls = None if how.mode == "off" else context
        async with asking(method, tls=server_tls, host=host, socket=socket) as fake:
            await refusal(at(fake.port, tls, host, socket))
        found[method] = given(fake)
    assert {method for method, what in found.items() if what} == set(how.gives)
    assert found["password"] in {"", "password"}


async def test_a_method_that_is_refused_says_what_to_do(address: str) -> None:
    for method in ("password", "md5"):
        async with asking(method, host=address) as fake:
            error = await refusal(at(fake.port, Tls(mode="off"), address))
        assert error.kind is Kind.AUTH
        assert "tls = verify-full" in error.reason


async def test_channel_binding_is_used_where_the_server_offers_it(
    context: ssl.SSLContext, certificates: Certificates
) -> None:
    tls = Tls(ca=str(certificates.ca))
    async with asking("scram-sha-256-plus", tls=context) as fake:
        await refusal(at(fake.port, tls))
    assert b"SCRAM-SHA-256-PLUS\0" in fake.heard
    assert b"p=tls-server-end-point" in fake.heard


async def test_a_server_that_closes_after_tls_is_unreachable(
    context: ssl.SSLContext, certificates: Certificates
) -> None:
    for tls in (Tls(mode="require"), Tls(ca=str(certificates.ca))):
        async with asking("hang up", tls=context) as fake:
            assert (await refusal(at(fake.port, tls))).kind is Kind.UNREACHABLE


@pytest.mark.parametrize("host", ["a..b", "", "a,b", "/tmp", "@abstract", "a b"])  # noqa: S108
async def test_a_host_that_is_not_one_host_is_config(host: str) -> None:
    assert (await refusal(at(5432, Tls(mode="off"), host))).kind is Kind.CONFIG


@pytest.mark.parametrize(
    "tls",
    [
        Tls(mode="off", ca="/x"),
        Tls(mode="off", cert="/x"),
        Tls(mode="verify-full", key="/x"),
        Tls(mode="require", ca="/nowhere/ca.pem"),
        Tls(mode="require", cert="/nowhere/cert.pem"),
    ],
)
async def test_an_option_of_tls_is_used_or_refused(tls: Tls) -> None:
    assert (await refusal(at(5432, tls))).kind is Kind.CONFIG


async def test_a_long_password_works_without_tls(postgresql: Running) -> None:
    long = "long \u00e4 " * 50
    do(postgresql, [f"CREATE ROLE stt_long LOGIN PASSWORD '{long}'"])
    try:
        admin = endpoint(postgresql, Family.POSTGRESQL)
        inspection = await PostgresqlDatabase().inspect(
            replace(admin, user="stt_long", password=long), lambda _: [ONE], Limits()
        )
    finally:
        do(postgresql, ["DROP ROLE stt_long"])
    assert inspection.answers[ONE] == [{"port": postgresql.port}]


def test_every_option_of_libpq_is_set_or_has_no_variable() -> None:
    known = psycopg.pq.Conninfo.get_defaults()
    ours = options(at(5432, Tls()), Limits()).keys()
    assert {one.keyword.decode() for one in known} - ours == WITHOUT_ENVIRONMENT
    read = {one.envvar.decode() for one in known if one.envvar}
    of_free = {
        one.envvar.decode()
        for one in known
        if one.envvar and one.keyword.decode() in WITHOUT_ENVIRONMENT
    }
    assert of_free <= set(ENVIRONMENT)
    assert len(read) > len(of_free)


@pytest.fixture
def hostile_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home and an environment full of what libpq would like to read."""
    settings = "[trap]\nhost=192.0.2.1\nport=1\nsslmode=disable\nuser=eve"
    (tmp_path / ".pg_service.conf").write_text(settings)
    (tmp_path / "pg_service.conf").write_text(settings)
    (tmp_path / ".pgpass").write_text("*:*:*:*:wrong\n")
    (tmp_path / ".pgpass").chmod(0o600)
    folder = tmp_path / ".postgresql"
    folder.mkdir()
    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        (folder / name).write_text("not a certificate")
        (folder / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    before = dict(os.environ)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


VALUES = {
    "PGHOSTADDR": "192.0.2.1",
    "PGHOST": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "eve",
    "PGPASSWORD": "wrong",
    "PGDATABASE": "nowhere",
    "PGSERVICE": "trap",
    "PGTZ": "Asia/Tokyo",
    "PGOPTIONS": "-c search_path=s",
    "PGREQUIREPEER": "eve",
    "PGREQUIREAUTH": "password",
    "PGSSLMODE": "disable",
    "PGSSLNEGOTIATION": "direct",
    "PGCHANNELBINDING": "require",
    "PGLOADBALANCEHOSTS": "random",
    "PGTARGETSESSIONATTRS": "standby",
    "PGGEQO": "off",
    "PGDATESTYLE": "German",
    "PGCLIENTENCODING": "LATIN1",
    "PGSSLCERTMODE": "require",
    "PGMINPROTOCOLVERSION": "latest",
    "PGCONNECT_TIMEOUT": "1",
    "PGGSSENCMODE": "require",
    "PGSSLMINPROTOCOLVERSION": "TLSv1.3",
    "PGSSLMAXPROTOCOLVERSION": "TLSv1",
}


@pytest.mark.parametrize("way", ["verified", "encrypted", "clear", "socket"])
async def test_neither_the_environment_nor_a_home_changes_a_connection(
    way: str,
    postgresql15: Running,
    certificates: Certificates,
    hostile_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = endpoint(postgresql15, Family.POSTGRESQL)
    wanted = {
        "verified": Tls(ca=str(certificates.ca)),
        "encrypted": Tls(mode="require"),
        "clear": Tls(mode="off"),
        "socket": Tls(mode="off"),
    }[way]
    where = replace(where, tls=wanted, socket=postgresql15.socket if way == "socket" else "")
    for one in psycopg.pq.Conninfo.get_defaults():
        if one.envvar:
            name = one.envvar.decode()
            monkeypatch.setenv(name, VALUES.get(name, str(hostile_home / "nothing")))
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGSYSCONFDIR", str(hostile_home))
    text = (
        "(SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls, current_user AS u,"
        " current_setting('geqo') AS geqo, current_setting('search_path') AS path"
    )
    question = Question(type=QueryType.POSTGRESQL_SELECT, text=text)
    inspection = await PostgresqlDatabase().inspect(where, lambda _: [question], Limits())
    row = {"u": "postgres", "geqo": "on", "path": "pg_catalog, pg_temp"}
    assert inspection.answers[question] == [{"tls": way in {"verified", "encrypted"}, **row}]


async def test_an_address_in_the_environment_does_not_lead_a_socket_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with asking("password") as fake:
        monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
        monkeypatch.setenv("PGPORT", str(fake.port))
        error = await refusal(at(0, Tls(mode="off"), socket=str(tmp_path / ".s.PGSQL.5432")))
    assert (error.kind, fake.logins) == (Kind.UNREACHABLE, 0)
    shutil.rmtree(tmp_path)
