"""What a MongoDB server that wants the password, or our time, gets at the log-in."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from bson import Int64

from stt_shared.protocol.enums import Kind
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.port import Endpoint, InspectionError, Limits, Tls
from tests.hostile.mongodb.fake_mongodb import HELLO, PASSWORD, USER, Raw, answering, faking, scram
from tests.servers.certificates import Certificates

LIMITS = Limits(connect_s=3, statement_s=1, client_s=2)
CHEAP_CPU_S = 0.5  # one log-in; 20 million iterations take 5 s and more
FIRST = b"r=NONCEx,s=c2FsdHNhbHRzYWx0,i="
OTHERS = ["PLAIN", "GSSAPI", "MONGODB-X509", "MONGODB-AWS", "MONGODB-OIDC"]


@pytest.fixture
async def database() -> AsyncIterator[MongodbDatabase]:
    made = MongodbDatabase()
    yield made
    await made.close()


async def refusal(database: MongodbDatabase, endpoint: Endpoint) -> InspectionError:
    with pytest.raises(InspectionError) as caught:
        await database.inspect(endpoint, lambda _: [], LIMITS)
    return caught.value


@pytest.mark.parametrize(
    "iterations",
    [b"20000000", b"2147483647", b"9" * 5_000, b"2_0000000", b"4095", b"1", b"0", b"-1", b"", b"x"],
)
async def test_a_number_of_iterations_out_of_bounds_is_refused_before_any_is_done(
    database: MongodbDatabase, iterations: bytes
) -> None:
    async with faking(scram(FIRST + iterations)) as fake:
        before = time.process_time()
        error = await refusal(database, fake.endpoint)
        assert time.process_time() - before < CHEAP_CPU_S
    assert error.kind in {Kind.AUTH, Kind.UNREACHABLE}
    assert "iterations" in error.reason
    assert fake.names == ["hello", "saslStart"]


@pytest.mark.parametrize("first", [FIRST + b"4096,i=20000000", b"i=20000000," + FIRST + b"4096"])
async def test_two_numbers_of_iterations_are_refused(
    database: MongodbDatabase, first: bytes
) -> None:
    async with faking(scram(first)) as fake:
        before = time.process_time()
        error = await refusal(database, fake.endpoint)
        assert time.process_time() - before < CHEAP_CPU_S
    assert "no number of iterations" in error.reason


@pytest.mark.parametrize("offered", [*([one] for one in OTHERS), OTHERS, "PLAIN", {"PLAIN": 1}, 7])
async def test_a_server_that_offers_no_safe_mechanism_learns_the_user_alone(
    database: MongodbDatabase, offered: Any
) -> None:
    async with faking(scram(b"", offered)) as fake:
        error = await refusal(database, fake.endpoint)
    assert error.kind is Kind.AUTH
    assert "SCRAM-SHA-256" in error.reason
    assert fake.names == ["hello"]
    nothing_secret(fake.heard)


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], "SCRAM-SHA-256"),
        (["PLAIN", "SCRAM-SHA-1"], "SCRAM-SHA-1"),
        ([], "SCRAM-SHA-1"),
        (None, "SCRAM-SHA-1"),
    ],
)
async def test_the_best_of_scram_is_taken_whatever_else_is_offered(
    database: MongodbDatabase, offered: Any, taken: str
) -> None:
    async with faking(scram(FIRST + b"4096", offered)) as fake:
        error = await refusal(database, fake.endpoint)
    assert error.kind is Kind.AUTH
    assert "signature" in error.reason  # whoever does not know the password cannot sign
    assert [one.get("mechanism") for one in fake.commands] == [None, taken, None]
    nothing_secret(fake.heard)


def nothing_secret(heard: bytearray) -> None:
    digest = hashlib.md5(f"{USER}:mongo:{PASSWORD}".encode()).hexdigest()  # noqa: S324  # MongoDB's
    assert PASSWORD.encode() not in heard
    assert digest.encode() not in heard


@pytest.mark.parametrize(
    "first",
    [b"", b",", b"x", b"r=other,s=c2FsdA==,i=4096", b"r=NONCEx,i=4096", b"r=NONCEx,s=\xff!,i=4096"],
)
async def test_nonsense_at_the_log_in_is_a_reason_and_no_crash(
    database: MongodbDatabase, first: bytes
) -> None:
    async with faking(scram(first)) as fake:
        error = await refusal(database, fake.endpoint)
    assert error.kind in {Kind.AUTH, Kind.UNREACHABLE}


@pytest.mark.parametrize(
    "reply",
    [
        {"ok": 1},
        {"payload": "i=1", "ok": 1},
        {"payload": 7, "ok": 1},
        {"payload": Int64(2**60), "ok": 1},  # as many bytes, if it were taken for their number
    ],
)
async def test_a_log_in_without_a_payload_is_a_reason_and_no_crash(
    database: MongodbDatabase, reply: dict[str, Any]
) -> None:
    hello = HELLO | {"saslSupportedMechs": ["SCRAM-SHA-256"]}
    async with faking(answering(hello=hello, saslStart=reply)) as fake:
        error = await refusal(database, fake.endpoint)
    assert error.kind is Kind.UNREACHABLE


async def test_a_server_that_lets_everybody_in_without_proof_is_refused(
    database: MongodbDatabase,
) -> None:
    hello = HELLO | {"saslSupportedMechs": ["SCRAM-SHA-256"]}
    reply = {"conversationId": 1, "done": True, "payload": b"", "ok": 1}
    async with faking(answering(hello=hello, saslStart=reply)) as fake:
        assert (await refusal(database, fake.endpoint)).kind in {Kind.AUTH, Kind.UNREACHABLE}
    assert fake.names == ["hello", "saslStart"]


@pytest.mark.parametrize("tls", [Tls(mode="off"), Tls(mode="require")])
async def test_a_client_certificate_is_not_used_with_a_server_that_proves_nothing(
    database: MongodbDatabase, tls: Tls
) -> None:
    async with faking(answering()) as fake:
        endpoint = replace(fake.endpoint, password="", database="$external", tls=tls)
        error = await refusal(database, endpoint)
    assert error.kind is Kind.CONFIG
    assert "verified server" in error.reason
    assert not fake.heard


async def test_an_option_that_does_nothing_is_refused(database: MongodbDatabase) -> None:
    async with faking(answering()) as fake:
        for odd in ({"database": "$external", "tls": Tls()}, {"user": ""}, {"password": ""}):
            error = await refusal(database, replace(fake.endpoint, **odd))
            assert error.kind is Kind.CONFIG
    assert not fake.heard


@pytest.mark.parametrize("password", ["bell\x07", "\u0627a", "half \udc80 a pair"])
async def test_a_password_that_scram_cannot_carry_is_a_fault_of_the_configuration(
    database: MongodbDatabase, password: str
) -> None:
    async with faking(scram(FIRST + b"4096")) as fake:
        error = await refusal(database, replace(fake.endpoint, password=password))
    assert error.kind is Kind.CONFIG
    assert password not in error.reason
    assert "saslStart" not in fake.names


async def test_a_server_that_closes_after_tls_is_unreachable(
    database: MongodbDatabase, certificates: Certificates
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.both)
    async with faking(answering(hello=None), tls=context) as fake:
        for mode, ca in (("require", ""), ("verify-full", str(certificates.ca))):
            error = await refusal(database, replace(fake.endpoint, tls=Tls(mode=mode, ca=ca)))
            assert error.kind is Kind.UNREACHABLE
            assert "closed the connection" in error.reason


async def test_a_server_that_claims_to_be_an_arbiter_gets_no_proof_of_the_password(
    database: MongodbDatabase,
) -> None:
    hello = HELLO | {"arbiterOnly": True, "setName": "rs", "isWritablePrimary": False}
    async with faking(answering(hello=hello)) as fake:
        inspection = await database.inspect(fake.endpoint, lambda _: [], LIMITS)
    assert inspection.facts.role == "arbiter"
    assert fake.names == ["hello", "buildInfo"]


async def test_a_log_in_that_never_ends_ends_at_its_time(database: MongodbDatabase) -> None:
    hello = HELLO | {"saslSupportedMechs": ["SCRAM-SHA-256"]}
    slow = Raw((b"\x00" for _ in range(100)), pause_s=1.0)
    async with faking(answering(hello=hello, saslStart=slow)) as fake:
        started = time.monotonic()
        error = await refusal(database, fake.endpoint)
        assert time.monotonic() - started < 50  # the answer takes 100 s
    assert error.kind is Kind.UNREACHABLE
