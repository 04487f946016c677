"""What a server that is not the one it says it is gets out of a log-in: never the password."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Endpoint, InspectionError, Limits, Tls
from tests.hostile.mysql.fake_mysql import (
    ASK_FOR_KEY,
    FAST_PATH_TAKEN,
    FULL_AUTHENTICATION,
    OK,
    Peer,
    Thief,
    error,
    fake_mysql,
    switch,
)
from tests.servers.certificates import Certificates

SECRET = "Hunter-2: the secret"
LIMITS = Limits(connect_s=5, client_s=5)
METHODS = (
    *("mysql_native_password", "caching_sha2_password", "sha256_password", "client_ed25519"),
    *("mysql_clear_password", "dialog", "mysql_old_password", "authentication_windows_client"),
    *("auth_gssapi_client", "parsec", "", "\u00e4\u00e4", "x" * 200),
)
OFF, REQUIRE = Tls(mode="off"), Tls(mode="require")


@pytest.fixture
async def database() -> AsyncIterator[MysqlDatabase]:
    made = MysqlDatabase(2)
    yield made
    await made.close()


@pytest.fixture
def context(certificates: Certificates) -> ssl.SSLContext:
    """What the man in the middle encrypts with."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificates.wrong_cert, certificates.wrong_key)
    return made


def victim(port: int, tls: Tls) -> Endpoint:
    return Endpoint(
        family=Family.MYSQL, host="127.0.0.1", port=port, user="stt", password=SECRET, tls=tls
    )


async def refusal(database: MysqlDatabase, endpoint: Endpoint) -> InspectionError:
    with pytest.raises(InspectionError) as caught:
        await database.inspect(endpoint, lambda _: [], LIMITS)
    return caught.value


@pytest.mark.parametrize("plugin", METHODS)
@pytest.mark.parametrize("first", METHODS)
async def test_no_method_that_a_server_begins_with_or_switches_to_gives_the_password(
    database: MysqlDatabase, first: str, plugin: str
) -> None:
    thief = Thief()

    def talk(peer: Peer) -> None:
        peer.say(switch(plugin))
        thief.take(peer)

    with fake_mysql(talk, plugin=first) as fake:
        found = await refusal(database, victim(fake.port, OFF))
    assert SECRET.encode() not in thief.stolen
    assert not any(SECRET.encode() in packet for packet in fake.heard)
    assert found.kind in {Kind.AUTH, Kind.UNREACHABLE}, found


@pytest.mark.parametrize("plugin", METHODS)
@pytest.mark.parametrize("first", ["caching_sha2_password", "sha256_password"])
async def test_the_password_is_not_sent_over_unverified_tls(
    database: MysqlDatabase, context: ssl.SSLContext, first: str, plugin: str
) -> None:
    thief = Thief()

    def talk(peer: Peer) -> None:
        peer.say(switch(plugin))
        thief.take(peer)

    with fake_mysql(talk, plugin=first, tls=context) as fake:
        await refusal(database, victim(fake.port, REQUIRE))
    assert SECRET.encode() not in thief.stolen
    assert not any(SECRET.encode() in packet for packet in fake.heard)


@pytest.mark.parametrize("words", [FULL_AUTHENTICATION, switch("mysql_clear_password")])
async def test_the_password_is_not_sent_to_a_certificate_of_a_system_authority_without_its_name(
    database: MysqlDatabase,
    certificates: Certificates,
    context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    words: bytes,
) -> None:
    """`verify-ca` without `ca`: the man in the middle has one for a name of his own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    thief = Thief()

    def talk(peer: Peer) -> None:
        peer.say(words)
        thief.take(peer)

    with fake_mysql(talk, tls=context) as fake:
        found = await refusal(database, victim(fake.port, Tls(mode="verify-ca")))
    assert found.kind is Kind.AUTH, found  # the certificate was accepted
    assert thief.stolen == b""


@pytest.mark.parametrize("over_tls", [False, True])
async def test_full_authentication_does_not_give_it(
    database: MysqlDatabase, context: ssl.SSLContext, over_tls: bool
) -> None:
    thief = Thief()
    with fake_mysql(thief, tls=context if over_tls else None) as fake:
        found = await refusal(database, victim(fake.port, REQUIRE if over_tls else OFF))
    assert thief.stolen == b""
    assert found.kind is Kind.AUTH
    assert "verify the server" in found.reason


async def test_a_key_that_is_named_is_not_replaced_by_the_thiefs(
    database: MysqlDatabase, tmp_path: Path
) -> None:
    thief = Thief()
    file = tmp_path / "key.pem"
    file.write_bytes(Thief("owner").pem)
    with fake_mysql(thief) as fake:
        where = replace(victim(fake.port, OFF), server_public_key=str(file))
        await refusal(database, where)
    assert not any(packet in ASK_FOR_KEY for packet in fake.heard)
    assert thief.stolen == b""


async def test_an_explicit_setting_accepts_the_risk(database: MysqlDatabase) -> None:
    thief = Thief()
    with fake_mysql(thief) as fake:
        where = replace(victim(fake.port, OFF), allow_public_key_retrieval=True)
        await refusal(database, where)
    assert thief.stolen == SECRET.encode() + b"\0"


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_without_tls_learns_nothing_where_tls_is_asked_for(
    database: MysqlDatabase, mode: str
) -> None:
    with fake_mysql(Thief()) as fake:
        found = await refusal(database, victim(fake.port, Tls(mode=mode)))
    assert found.kind is Kind.TLS
    assert fake.heard == []


async def test_the_account_is_not_sent_before_the_encryption_begins(
    database: MysqlDatabase, context: ssl.SSLContext
) -> None:
    with fake_mysql(Thief(), tls=context) as fake:
        await refusal(database, victim(fake.port, REQUIRE))
    assert b"stt" not in fake.heard[0]
    assert any(b"stt" in packet for packet in fake.heard[1:])


async def test_a_server_that_goes_after_tls_is_unreachable(
    database: MysqlDatabase, context: ssl.SSLContext
) -> None:
    def talk(peer: Peer) -> None:
        peer.socket.close()

    with fake_mysql(talk, tls=context) as fake:
        found = await refusal(database, victim(fake.port, REQUIRE))
    assert found.kind is Kind.UNREACHABLE


@pytest.mark.parametrize("words", [b"\x02ask me more\0", b"\x05\x05", b"\x01\x09", b"\x01", b""])
async def test_what_a_log_in_cannot_follow_ends_it(database: MysqlDatabase, words: bytes) -> None:
    def talk(peer: Peer) -> None:
        peer.say(words)
        peer.hear()

    with fake_mysql(talk) as fake:
        found = await refusal(database, victim(fake.port, OFF))
    assert found.kind in {Kind.AUTH, Kind.UNREACHABLE}


async def test_a_server_that_lets_everybody_in_gets_no_password_and_no_verdict(
    database: MysqlDatabase,
) -> None:
    def talk(peer: Peer) -> None:
        peer.say(FAST_PATH_TAKEN)
        peer.say(OK)
        while peer.hear():
            peer.number = 1
            peer.say(OK)

    with fake_mysql(talk) as fake:
        found = await refusal(database, victim(fake.port, OFF))
    assert found.kind in {Kind.SESSION, Kind.UNREACHABLE}
    assert not any(SECRET.encode() in packet for packet in fake.heard)


async def test_no_file_of_this_machine_is_sent_to_a_server(database: MysqlDatabase) -> None:
    def talk(peer: Peer) -> None:
        peer.say(OK)
        peer.hear()
        peer.say(b"\xfb/etc/hostname")
        peer.hear()

    with fake_mysql(talk) as fake:
        await refusal(database, victim(fake.port, OFF))
    assert Path("/etc/hostname").read_bytes() not in fake.heard


async def test_the_server_s_reason_for_a_refused_log_in_is_reported(
    database: MysqlDatabase,
) -> None:
    def talk(peer: Peer) -> None:
        peer.say(error(1045, "go away"))

    with fake_mysql(talk) as fake:
        found = await refusal(database, victim(fake.port, OFF))
    assert (found.kind, found.reason) == (Kind.AUTH, "go away (error 1045)")


async def test_a_private_key_with_a_pass_phrase_does_not_wait_at_the_terminal(
    database: MysqlDatabase, certificates: Certificates, tmp_path: Path
) -> None:
    locked = tmp_path / "locked.key"
    key = load_pem_private_key(certificates.client_key.read_bytes(), None)
    form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    locked.write_bytes(key.private_bytes(*form))
    tls = Tls(mode="require", cert=str(certificates.client_cert), key=str(locked))
    found = await refusal(database, victim(1, tls))
    assert found.kind is Kind.CONFIG
    assert "pass phrase" in found.reason


async def test_a_host_that_is_no_name_is_a_fault_of_the_configuration(
    database: MysqlDatabase,
) -> None:
    found = await refusal(database, replace(victim(1, OFF), host="a..b"))
    assert found.kind is Kind.CONFIG
    assert "'a..b'" in found.reason
