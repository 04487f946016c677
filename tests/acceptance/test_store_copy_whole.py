"""The store of a real installation goes to PostgreSQL and back as docs/operating.md types it."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.protocol.control import Verb
from stt_shared.protocol.findings import FindingsReply, FindingsRequest
from stt_shared.protocol.suppressions import AcceptRequest, SuppressionReply
from tests.support.coordinator.copied_stores import drop_database, filled, fresh_database
from tests.support.processes.commands import refused, stt
from tests.support.processes.installation import Installation, installed
from tests.support.processes.invariants import hold

TARGETS = 20
PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
SECTION = re.compile(r"## Copy the store to PostgreSQL, or back\n\n```console\n(.*?)```", re.DOTALL)
WITH_ROWS = {"findings", "pairs", "history", "exceptions", "audit", "results", "jobs", "watermarks"}


@pytest.fixture
def database(postgresql: Running) -> Iterator[str]:
    url = fresh_database(postgresql)
    yield url
    drop_database(postgresql, url)


def typed(state: Path, database: str, back: Path) -> list[list[str]]:
    """The two commands of the page, without their first word, for these places."""
    match = SECTION.search(PAGE.read_text(encoding="utf-8"))
    assert match
    places = {
        "/var/lib/stt/coordinator": str(state),
        "postgresql://stt@db.example.com/stt": without_password(database),
        "/var/lib/stt/back": str(back),
    }
    lines = [line for line in match[1].splitlines() if line.startswith("$ stt store copy ")]
    return [[places.get(word, word) for word in shlex.split(line)[2:]] for line in lines]


def without_password(url: str) -> str:
    return re.sub(r":[^:@]*@", "@", url, count=1)


def password(url: str) -> str:
    match = re.search(r":([^:@]*)@", url)
    assert match
    return unquote(match[1])


def in_database(url: str) -> dict[str, str]:
    """The settings of a coordinator with its store there."""
    return {
        "STT_COORDINATOR_STORE": without_password(url),
        "STT_COORDINATOR_STORE_PASSWORD": "env:OF_THE_STORE",
        "OF_THE_STORE": password(url),
    }


def copy(words: list[str], url: str, **environ: str) -> dict[str, Any]:
    done = stt(*words, "--output", "json", PGPASSWORD=password(url), **environ)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def killed(words: list[str], url: str, fault: str) -> None:
    done = stt(*words, PGPASSWORD=password(url), STT_FAULT_POINT=fault)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


async def accept_one(whole: Installation) -> None:
    found = await whole.ask(Verb.FINDINGS, FindingsRequest(limit=1), FindingsReply)
    request = AcceptRequest(
        finding=found.findings[0].id,
        until=(clock.now() + timedelta(days=30)).date(),
        reason="known",
        by="ann",
    )
    await whole.ask(Verb.ACCEPT, request, SuppressionReply)


@pytest.mark.timeout(300)
async def test_an_installation_goes_on_with_a_store_that_was_moved_there_and_back(
    tmp_path: Path, postgresql: Running, database: str
) -> None:
    state, old = tmp_path / "coordinator", tmp_path / "old"
    with installed(tmp_path, postgresql, targets=TARGETS) as whole:
        whole.start()
        await whole.targets_announced(TARGETS)
        first = (await whole.enable()).run_id
        await whole.finished(first)
        await accept_one(whole)
        whole.coordinator.stop()
        # The move happens in the middle of a run: results wait in NATS and at the worker.
        whole.coordinator.start(fault="after-commit-before-ack")
        second = await whole.run()
        await whole.coordinator.killed_by_itself()
        there, back = typed(state, database, state)
        killed(there, database, "mid-store-copy:9")
        killed(there, database, "before-store-copy-finish")
        copied = copy(there, database)
        assert {one["table"] for one in copied["tables"] if one["rows"]} >= WITH_ROWS
        state.rename(old)
        # The results that waited at NATS and at the worker come into PostgreSQL.
        here = in_database(database)
        whole.coordinator.environment |= here
        whole.coordinator.start()
        await whole.finished(second.run_id)
        whole.coordinator.stop()
        for name in here:
            del whole.coordinator.environment[name]
        killed(back, database, "mid-store-copy:4")
        copy(back, database)
        whole.coordinator.start()
        await hold_with_exception(whole, [first, second.run_id])
    with closing(sqlite3.connect(state / "coordinator.db")) as store:
        assert store.execute("SELECT count(*) FROM exceptions").fetchall() == [(1,)]


async def hold_with_exception(whole: Installation, runs: list[str]) -> None:
    await hold(whole, runs, TARGETS)
    request = FindingsRequest(state="accepted")
    assert (await whole.ask(Verb.FINDINGS, request, FindingsReply)).total == 1


async def test_a_command_in_a_pipe_prints_its_tables_and_warns_of_a_password(
    tmp_path: Path, database: str
) -> None:
    state = tmp_path / "state"
    await (await filled(state)).close()
    done = stt("store", "copy", state, database)
    assert done.returncode == 0, done.stderr
    head, *lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert head == ["TABLE", "ROWS", "COPIED", "DIGEST"]
    rows = {line[0]: line[1:] for line in lines}
    assert rows["watermarks"][:2] == ["1", "1"]
    assert re.fullmatch(r"[0-9a-f]{64}", rows["watermarks"][2])
    warning, replaced, ended = done.stderr.splitlines()
    assert warning.startswith("warning: other users of this machine can see a password")
    assert replaced.startswith("NUL characters of 2 values in rejected.reason became U+FFFD")
    assert re.search(r"/copy_\w+: \d+ rows, \d+ of them copied now, all verified", ended)
    assert password(database) not in done.stdout + done.stderr


def test_a_wrong_place_has_one_error_and_its_exit_code(tmp_path: Path, database: str) -> None:
    where = without_password(database)
    refused(stt("store", "copy", tmp_path, where), f"no store at {tmp_path}")
    refused(stt("store", "copy", tmp_path, tmp_path), "one place must be a SQLite store")
    refused(stt("store", "copy", tmp_path, "mysql://db/stt"), "a place of a store is")
    nowhere = "postgresql://stt@127.0.0.1:1/stt"
    refused(stt("store", "copy", nowhere, tmp_path), f"cannot connect to {nowhere[:13]}", code=4)
    refused(stt("store", "copy", where, tmp_path), "no password supplied")


def test_the_password_of_the_settings_serves_the_store_of_the_settings(
    tmp_path: Path, database: str
) -> None:
    where = without_password(database)
    settings = in_database(database)
    refused(stt("store", "copy", where, tmp_path / "a", **settings), "no store at postgresql://")
    settings["OF_THE_STORE"] = "wrong-one"
    done = stt("store", "copy", where, tmp_path / "a", **settings)
    assert done.returncode == 2
    assert "password authentication failed" in done.stderr
    assert "wrong-one" not in done.stdout + done.stderr
    del settings["OF_THE_STORE"]
    refused(stt("store", "copy", where, tmp_path / "a", **settings), "env:OF_THE_STORE")
