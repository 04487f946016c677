"""The MongoDB checks on real servers, in both directions, with the traps seen there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient

from stt_coordinator.local.servers import mongodb as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint, Tls
from tests.servers.fixtures import server_or_reason
from tests.support.checks.mongods import key_file, replica_set
from tests.support.checks.real import CheckRunner, endpoint

AUTH = "mongodb_auth"
PASSWORD = "s3cret/ @:"


@pytest.fixture(params=["mongodb-6.0", "mongodb-4.4"])
def binary(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def mongod(
    folder: Path,
    binary: str,
    *,
    config: str = "",
    keyfile: bool = False,
    words: Sequence[str] = (),
) -> Iterator[Running]:
    """A mongod with a user `stt`, restarted with `config` in its file."""
    running = server_or_reason(
        binary, lambda: embedded.start(folder / "mongod", binary=embedded.find(binary))
    )
    try:
        with MongoClient[dict[str, object]](running.host, running.port) as client:
            roles = ["clusterMonitor"]
            client.admin.command("createUser", "stt", pwd=PASSWORD, roles=roles)
        file = running.directory / "mongod.conf"
        if keyfile:
            config = config.replace("KEYFILE", str(key_file(running.directory)))
        file.write_text(config)
        running.command = [*running.command, *words, "--config", str(file)]
        running.restart()
        yield running
    finally:
        running.stop()


def logged_in(server: Running) -> Endpoint:
    return Endpoint(
        family=Family.MONGODB,
        host=server.host,
        port=server.port,
        user="stt",
        password=PASSWORD,
        tls=Tls(mode="off"),
    )


async def test_an_open_server_on_loopback_is_major(runner: CheckRunner, mongodb: Running) -> None:
    found = await runner.objects(AUTH, endpoint(mongodb, Family.MONGODB))
    assert found == {"security.authorization": "major"}


async def test_the_remediation_fixes_the_finding(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    with mongod(servers_folder / "open", binary) as server:
        outcome = await runner.run(AUTH, logged_in(server))
        (finding,) = outcome.findings
    with mongod(servers_folder / "mended", binary, config=finding.remediation) as server:
        assert await runner.objects(AUTH, logged_in(server)) == {}


async def test_enabled_with_a_capital_leaves_access_open_and_is_found(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    config = "security:\n  authorization: Enabled\n"
    with mongod(servers_folder / "capital", binary, config=config) as server:
        found = await runner.objects(AUTH, endpoint(server, Family.MONGODB))
    assert found == {"security.authorization": "major"}


async def test_a_key_file_enforces_even_beside_the_word_disabled(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    config = "security:\n  authorization: disabled\n  keyFile: KEYFILE\n"
    with mongod(servers_folder / "keyfile", binary, config=config, keyfile=True) as server:
        assert await runner.objects(AUTH, logged_in(server)) == {}


async def test_transition_to_auth_lets_everybody_in_and_is_found(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    config = "security:\n  authorization: enabled\n  keyFile: KEYFILE\n  transitionToAuth: true\n"
    with mongod(servers_folder / "transition", binary, config=config, keyfile=True) as server:
        found = await runner.objects(AUTH, endpoint(server, Family.MONGODB))
    assert found == {"security.transitionToAuth": "major"}


async def test_without_the_role_the_check_names_it_and_does_not_pass(
    runner: CheckRunner, servers_folder: Path, binary: str
) -> None:
    config = "security:\n  authorization: enabled\n"
    with mongod(servers_folder / "poor", binary, config=config) as server:
        where = logged_in(server)
        stranger = Endpoint(family=where.family, host=where.host, port=where.port, tls=where.tls)
        outcome = await runner.run(AUTH, stranger)
    assert (outcome.outcome, outcome.kind) == ("error", "no_privilege")
    assert "clusterMonitor" in outcome.reason


async def test_the_end_of_life_of_the_series_is_reported(
    runner: CheckRunner, mongodb: Running, mongodb44: Running
) -> None:
    for server, series in ((mongodb, "series 6.0"), (mongodb44, "series 4.4")):
        found = await runner.objects("mongodb_version_eol", endpoint(server, Family.MONGODB))
        assert found[series] == "major"


@pytest.mark.parametrize("key", [True, False])
async def test_an_arbiter_which_knows_no_users_is_evaluated_by_its_configuration(
    runner: CheckRunner, servers_folder: Path, binary: str, *, key: bool
) -> None:
    with replica_set(servers_folder / f"arbiter-{binary}-{key}", binary, key=key) as arbiter:
        found = await runner.objects(AUTH, logged_in(arbiter))
    assert found == ({} if key else {"security.authorization": "major"})


@pytest.mark.parametrize("word", ["--auth", "--noauth"])
async def test_words_of_the_command_line_count_as_the_file_does(
    runner: CheckRunner, servers_folder: Path, binary: str, word: str
) -> None:
    with mongod(servers_folder / word, binary, words=[word]) as server:
        found = await runner.objects(AUTH, logged_in(server))
    assert found == ({} if word == "--auth" else {"security.authorization": "major"})


ANY_ACTION = {"resource": {"anyResource": True}, "actions": ["anyAction"]}


async def test_power_by_one_role_that_is_a_finding_itself_is_found_once(
    runner: CheckRunner, mongodb: Running
) -> None:
    user, member, role = (
        f"mongodb_{one}" for one in ("superuser_roles", "system_role", "unbounded_custom_roles")
    )
    where = endpoint(mongodb, Family.MONGODB)
    with MongoClient[dict[str, object]](mongodb.host, mongodb.port) as client:
        shop, admin = client.causes, client.admin
        admin.command("createRole", "causes_ops", privileges=[ANY_ACTION], roles=[])
        for name, held in (("app", "__system"), ("cron", "causes_ops")):
            roles = [{"role": held, "db": "admin"}]
            shop.command("createUser", name, pwd=PASSWORD, roles=roles)
        try:
            alone = (await runner.run_all(where, [user]))[user]
            assert {one.key for one in alone.counted} == {"app@causes", "cron@causes"}
            found = await runner.run_all(where, [user, member, role])
        finally:
            shop.command("dropAllUsersFromDatabase")
            admin.command("dropRole", "causes_ops")
    assert found[user].counted == ()
    named = {
        (cause.object, key)
        for one in found.values()
        for cause in one.counted
        for implied in cause.implies
        for key in implied.keys
    }
    assert named == {("app@causes", "app@causes"), ("causes_ops@admin", "cron@causes")}
