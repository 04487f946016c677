"""MongoDB: every way to connect and to log in, and what values become."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pymongo
import pytest

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.port import Answer, Endpoint, Failure, InspectionError, Limits, Tls
from tests.servers.certificates import Certificates
from tests.servers.fixtures import serving
from tests.support.worker.database_subjects import command, endpoint_of

# The server prepares passwords by SASLprep, which knows the characters of 2002.
EVERYTHING = "".join(map(chr, range(33, 127))) + " \u00e4\u20ac\u4e2d "
PASSWORD = "throw-away"
READY_S = 60.0
NAMES = ("mongodb-6.0", "mongodb-5.0", "mongodb-4.4")
Client = pymongo.MongoClient[dict[str, Any]]


@dataclass(frozen=True)
class Guarded:
    """A server that asks for log-in and speaks TLS, with its first account."""

    running: Running
    endpoint: Endpoint

    def admin(self) -> Client:
        one = self.endpoint
        return Client(one.host, one.port, username=one.user, password=one.password)


@pytest.fixture(scope="module", params=NAMES)
def guarded(
    request: pytest.FixtureRequest, servers_folder: Path, certificates: Certificates
) -> Iterator[Guarded]:
    def start() -> Running:
        tls = ["--tlsMode", "preferTLS", "--tlsCertificateKeyFile", str(certificates.both)]
        tls += ["--tlsCAFile", str(certificates.ca), "--tlsAllowConnectionsWithoutCertificates"]
        return embedded_mongodb.start(
            servers_folder / f"{request.param}-guarded",
            binary=embedded_mongodb.find(request.param),
            extra=["--auth", *tls],
        )

    with serving(request.param, start) as running:
        with Client(running.host, running.port) as client:
            client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        endpoint = endpoint_of(running, Family.MONGODB)
        yield Guarded(running, replace(endpoint, user="root", password=PASSWORD))


@pytest.fixture
async def database() -> AsyncIterator[MongodbDatabase]:
    made = MongodbDatabase()
    yield made
    await made.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def ask(
    database: MongodbDatabase, endpoint: Endpoint, *questions: Question
) -> dict[Question, Answer]:
    return dict((await database.inspect(endpoint, lambda _: questions, Limits())).answers)


async def reply(database: MongodbDatabase, endpoint: Endpoint, text: str) -> dict[str, Any]:
    (answer,) = (await ask(database, endpoint, command(text))).values()
    assert isinstance(answer, list), answer
    assert len(answer) == 1
    return answer[0]


async def whoami(database: MongodbDatabase, endpoint: Endpoint) -> list[dict[str, str]]:
    found = await reply(database, endpoint, '{"connectionStatus": 1}')
    users: list[dict[str, str]] = found["authInfo"]["authenticatedUsers"]
    return users


async def refusal(database: MongodbDatabase, endpoint: Endpoint) -> InspectionError:
    with pytest.raises(InspectionError) as caught:
        await database.inspect(endpoint, lambda _: [], Limits())
    return caught.value


async def test_a_password_may_hold_any_character(
    guarded: Guarded, database: MongodbDatabase
) -> None:
    mechanism = "SCRAM-SHA-256"
    with guarded.admin() as client:
        client.other.command("dropAllUsersFromDatabase")
        client.other.command(
            "createUser", "anything", pwd=EVERYTHING, roles=[], mechanisms=[mechanism]
        )
    endpoint = replace(guarded.endpoint, user="anything", password=EVERYTHING, database="other")
    assert await whoami(database, endpoint) == [{"user": "anything", "db": "other"}]


async def test_without_an_account_nothing_is_sent_but_questions(
    guarded: Guarded, database: MongodbDatabase
) -> None:
    endpoint = replace(guarded.endpoint, user="", password="")
    options = Question(type=QueryType.MONGODB_GETCMDLINEOPTS)
    answer = (await ask(database, endpoint, options))[options]
    assert isinstance(answer, Failure)
    assert answer.kind is Kind.NO_PRIVILEGE
    assert await whoami(database, endpoint) == []


async def test_a_unix_socket_needs_neither_host_nor_tls(
    guarded: Guarded, database: MongodbDatabase
) -> None:
    socket = guarded.running.socket
    endpoint = replace(guarded.endpoint, socket=socket, host="", port=0, tls=Tls())
    assert await whoami(database, endpoint) == [{"user": "root", "db": "admin"}]


async def test_a_unix_socket_that_is_missing_is_unreachable(database: MongodbDatabase) -> None:
    endpoint = Endpoint(family=Family.MONGODB, socket="/nowhere/mongodb.sock")
    error = await refusal(database, endpoint)
    assert error.kind is Kind.UNREACHABLE
    assert "/nowhere/mongodb.sock is not reachable: No such file" in error.reason


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_each_mode_of_tls_logs_in(
    guarded: Guarded, database: MongodbDatabase, certificates: Certificates, mode: str
) -> None:
    ca = "" if mode == "require" else str(certificates.ca)
    endpoint = replace(guarded.endpoint, tls=Tls(mode=mode, ca=ca))
    assert await whoami(database, endpoint) == [{"user": "root", "db": "admin"}]


async def test_an_unknown_authority_is_a_tls_error(
    guarded: Guarded, database: MongodbDatabase, certificates: Certificates
) -> None:
    for tls in (Tls(), Tls(ca=str(certificates.other_ca)), Tls(mode="verify-ca")):
        error = await refusal(database, replace(guarded.endpoint, tls=tls))
        assert error.kind is Kind.TLS
        assert "self-signed certificate in certificate chain" in error.reason
        assert "from test CA" in error.reason


async def test_a_client_certificate_logs_in(
    guarded: Guarded, database: MongodbDatabase, certificates: Certificates
) -> None:
    with guarded.admin() as client:
        client["$external"].command("dropAllUsersFromDatabase")
        client["$external"].command("createUser", "CN=stt-client", roles=[])
    tls = Tls(
        ca=str(certificates.ca),
        cert=str(certificates.client_cert),
        key=str(certificates.client_key),
    )
    endpoint = replace(guarded.endpoint, user="", password="", database="$external", tls=tls)
    assert await whoami(database, endpoint) == [{"user": "CN=stt-client", "db": "$external"}]
    without = replace(endpoint, tls=Tls(ca=str(certificates.ca)))
    assert (await refusal(database, without)).kind is Kind.AUTH


def tls_server(folder: Path, certificates: Certificates, both: Path) -> Iterator[Running]:
    def start() -> Running:
        words = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(both)]
        words += ["--tlsCAFile", str(certificates.ca)]
        return embedded_mongodb.start(folder, extra=words)

    with serving("MongoDB", start) as running:
        yield running


async def test_a_name_mismatch_says_what_was_asked_and_what_was_found(
    servers_folder: Path, database: MongodbDatabase, certificates: Certificates
) -> None:
    folder = servers_folder / "mongodb-wrong"
    for running in tls_server(folder, certificates, certificates.wrong_both):
        tls = Tls(
            ca=str(certificates.ca),
            cert=str(certificates.client_cert),
            key=str(certificates.client_key),
        )
        endpoint = replace(endpoint_of(running, Family.MONGODB), user="", tls=tls)
        error = await refusal(database, endpoint)
        assert error.kind is Kind.TLS
        assert "for 127.0.0.1; the server sent a certificate for elsewhere.example" in error.reason
        assert "certificate is not valid for '127.0.0.1'" in error.reason
        verified = replace(endpoint, tls=replace(tls, mode="verify-ca"))
        assert await whoami(database, verified) == []
        for bare in (Tls(mode="off"), Tls(mode="require")):
            error = await refusal(database, replace(endpoint, tls=bare))
            assert error.kind in {Kind.UNREACHABLE, Kind.TLS}


async def test_a_server_without_tls_is_a_tls_error(
    mongodb: Running, database: MongodbDatabase
) -> None:
    endpoint = replace(endpoint_of(mongodb, Family.MONGODB), tls=Tls(mode="require"))
    error = await refusal(database, endpoint)
    assert error.kind is Kind.TLS


async def test_every_query_type_is_answered_with_one_document(
    guarded: Guarded, database: MongodbDatabase
) -> None:
    kinds = ("BUILDINFO", "GETPARAMETER", "GETCMDLINEOPTS", "GETDIAGNOSTICDATA")
    fixed = [Question(type=QueryType[f"MONGODB_{kind}"]) for kind in kinds]
    commands = [
        command(text)
        for text in (
            '{"hello": 1}',
            '{"usersInfo": {"forAllDBs": true}}',
            '{"rolesInfo": 1, "showBuiltinRoles": true}',
            '{"filter": {}, "usersInfo": 1}',
            '{"serverStatus": 1}',
            '{"connectionStatus": 1, "showPrivileges": true}',
            '{"getLog": "startupWarnings"}',
            '{"listDatabases": 1, "nameOnly": true}',
            '{"hostInfo": 1}',
        )
    ]
    answers = await ask(database, guarded.endpoint, *fixed, *commands)
    for question, answer in answers.items():
        assert isinstance(answer, list), (question, answer)
        (document,) = answer
        assert document["ok"] == 1.0
        assert "$clusterTime" not in document


async def test_instants_are_nanoseconds(mongodb: Running, database: MongodbDatabase) -> None:
    found = await reply(database, endpoint_of(mongodb, Family.MONGODB), '{"serverStatus": 1}')
    assert isinstance(found["localTime"], int)
    assert found["localTime"] > 1_700_000_000 * 10**9
