"""What is set on a MongoDB server bends no verdict: a sample of all that may be set."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases import network
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.mongodb.wire import CommandError
from stt_worker.databases.port import Failure, InspectionError, Limits, Tls
from tests.hostile.mongodb.fake_mongodb import HELLO, answering, faking
from tests.hostile.mongodb.mongodb_settings import VERSIONS, settings
from tests.hostile.session_settings import Handling, verdicts
from tests.servers.certificates import Certificates
from tests.servers.fixtures import serving
from tests.servers.mongo_commands import run_commands
from tests.support.checks.real import endpoint, open_check_runner
from tests.support.worker.database_subjects import command
from tools.pages.session_settings.mongodb import flipping, written

LIMITS = Limits(connect_s=3, statement_s=1, client_s=2)
SAMPLE = 5  # settings of each version; all of them: make session-settings
SEED = "session settings"
MANY_FAIL = 15  # checks, on the bad server
OLD_WIRE = 5  # of MongoDB 3.4
HELD = {"readConcern": {"level": "local"}, "$readPreference": {"mode": "primaryPreferred"}}


@pytest.fixture
async def database() -> AsyncIterator[MongodbDatabase]:
    made = MongodbDatabase()
    yield made
    await made.close()


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_page_names_all_that_may_be_set_and_a_sample_does_as_it_says(
    servers_folder: Path, version: str
) -> None:
    async with flipping(servers_folder / f"settings-{version}", version) as flipper:
        outcomes = [outcome for outcome, _, _ in flipper.before.values()]
        assert outcomes.count("failed") >= MANY_FAIL
        assert "error" not in outcomes  # each version at hand is evaluated by the whole library
        found = settings(flipper.server)
        page = {place: row[version] for place, row in written().items() if version in row}
        assert {(one.scope, one.name) for one in found} == page.keys()
        assert Handling.BENT not in page.values()
        chosen = random.Random(f"{SEED} {version}").sample(found, SAMPLE)  # noqa: S311  # a sample
        for setting in chosen:
            seen, changes = await flipper.flip(setting)
            assert seen == page[setting.scope, setting.name], (setting.name, changes)


async def test_what_would_change_every_answer_is_flipped_each_time(servers_folder: Path) -> None:
    expected = {
        "defaultReadConcern majority": Handling.HARMLESS,
        "quiet": Handling.REPORTED,  # by the check that is about it, which shows that flips arrive
    }
    async with flipping(servers_folder / "flipped", "5.0") as flipper:
        known = {one.name: one for one in settings(flipper.server)}
        seen = {name: (await flipper.flip(known[name]))[0] for name in expected}
    assert seen == expected


async def test_a_real_server_that_requires_a_version_of_its_api_is_evaluated_as_before(
    servers_folder: Path,
) -> None:
    def start() -> Running:
        program = embedded_mongodb.find("mongodb-5.0")
        return embedded_mongodb.start(servers_folder / "requires-api", binary=program)

    with serving("MongoDB 5.0", start) as server:
        async with open_check_runner() as runner:
            where = endpoint(server, Family.MONGODB)
            before = verdicts(await runner.run_all(where))
            run_commands(server, {"setParameter": 1, "requireApiVersion": True})
            with pytest.raises(CommandError, match="apiVersion parameter is required"):
                run_commands(server, {"buildInfo": 1})
            assert verdicts(await runner.run_all(where)) == before


async def test_every_question_sets_its_options_explicitly(
    database: MongodbDatabase,
) -> None:
    questions = [command('{"getLog": "startupWarnings"}'), command('{"usersInfo": 1}')]
    async with faking(answering(), anonymous=True) as fake:
        await database.inspect(fake.endpoint, lambda _: questions, LIMITS)
    for sent in fake.commands[2:]:
        assert {**sent, **HELD, "maxTimeMS": 1_000} == sent
        assert sent["$db"] == "admin"
        assert not sent.keys() & {"lsid", "txnNumber", "$clusterTime", "collation"}
    assert "compression" not in fake.commands[0]


async def test_a_command_outside_the_list_is_a_failure_and_reaches_no_server(
    database: MongodbDatabase,
) -> None:
    texts = ('{"shutdown": 1}', '{"usersInfo": 1, "showCredentials": true}', '{"hostInfo": 1}')
    questions = [command(text) for text in texts]
    async with faking(answering(), anonymous=True) as fake:
        found = await database.inspect(fake.endpoint, lambda _: questions, LIMITS)
    kinds = [one.kind if isinstance(one, Failure) else None for one in found.answers.values()]
    assert kinds == [Kind.QUERY, Kind.QUERY, None]
    assert fake.names == ["hello", "buildInfo", "hostInfo"]


async def test_a_server_that_requires_a_version_of_its_api_gets_it_with_each_command(
    database: MongodbDatabase,
) -> None:
    def act(asked: dict[str, Any]) -> Any:
        if "apiVersion" not in asked:
            return {"ok": 0, "code": 498870, "errmsg": "The apiVersion parameter is required"}
        return answering()(asked)

    question = command('{"hostInfo": 1}')
    async with faking(act, anonymous=True) as fake:
        found = await database.inspect(fake.endpoint, lambda _: [question], LIMITS)
    assert isinstance(found.answers[question], list)
    assert [one.get("apiVersion") for one in fake.commands] == [None, "1", "1", "1"]
    assert all("apiStrict" not in one for one in fake.commands)


async def test_a_server_that_refuses_every_version_of_its_api_is_a_matter_of_the_session(
    database: MongodbDatabase,
) -> None:
    refusal = {"ok": 0, "code": 322, "errmsg": "API version 1 is no more"}
    async with faking(answering(hello=refusal), anonymous=True) as fake:
        with pytest.raises(InspectionError) as caught:
            await database.inspect(fake.endpoint, lambda _: [], LIMITS)
    assert caught.value.kind is Kind.SESSION


async def test_a_server_that_is_too_old_is_reported_in_one_sentence(
    database: MongodbDatabase,
) -> None:
    hello = HELLO | {"maxWireVersion": OLD_WIRE}
    async with faking(answering(hello=hello), anonymous=True) as fake:
        with pytest.raises(InspectionError) as caught:
            await database.inspect(fake.endpoint, lambda _: [], LIMITS)
    assert caught.value.kind is Kind.CONFIG
    assert "older than MongoDB 3.6" in caught.value.reason


async def test_the_second_address_of_a_name_is_taken_and_verified_by_the_name(
    database: MongodbDatabase, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.wrong_both)  # a certificate for elsewhere.example
    async with faking(answering(), tls=context, anonymous=True) as fake:
        both = [("127.0.0.1", free_port()), ("127.0.0.1", fake.endpoint.port)]

        async def addresses(host: str, port: int) -> Any:
            del host, port
            return [(socket.AF_INET, one) for one in both]

        monkeypatch.setattr(network, "_addresses", addresses)
        tls = Tls(ca=str(certificates.ca))
        named = replace(fake.endpoint, host="elsewhere.example", tls=tls)
        assert (await database.inspect(named, lambda _: [], LIMITS)).facts.version == (6, 0, 1)
        with pytest.raises(InspectionError) as caught:
            await database.inspect(replace(named, host="another.example"), lambda _: [], LIMITS)
    assert caught.value.kind is Kind.TLS
