"""What the coordinator, its workers, packs and files are measured by, each limit on both sides."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stt_cli.doctor import coordinator, files, pack, workers
from stt_cli.doctor.diagnostic_line import DiagnosticLine, Level, Unknown
from stt_shared.command.tables import SecretUse
from stt_shared.protocol.control import PackStatus, WorkerInfo
from stt_shared.protocol.coordinators import StoreHealth
from stt_shared.protocol.enums import Family
from stt_shared.protocol.queries.health import HealthPart, HealthReply
from stt_shared.protocol.records import Counts, Summary
from stt_shared.settings import NatsSettings, Settings
from tests.support.cli import samples
from tests.support.cli.samples import NOW

DAY = timedelta(days=1)
GIB = 1 << 30


def health(**changes: object) -> HealthReply:
    values: dict[str, object] = {
        "now": NOW,
        "parts": (),
        "version": "1.2.0",
        "store": StoreHealth(),
        "checks": 3,
        "releases_as_of": "2026-11-20",
    }
    return HealthReply(**(values | changes))  # type: ignore[arg-type]


def named_workers(*states: str, version: str = "1.2.0") -> tuple[WorkerInfo, ...]:
    return tuple(
        WorkerInfo(
            worker=f"w{n}", site="eu", state=state, version=version, last_heard=NOW, targets=1
        )
        for n, state in enumerate(states)
    )


def of_workers(what: str, found: tuple[WorkerInfo, ...], **changes: object) -> DiagnosticLine:
    reported = {"skews": {one.worker: 0.1 for one in found}} | changes
    lines = workers.lines(samples.status(workers=found), health(**reported), NOW)
    return next(line for line in lines if line.what == what)


@pytest.mark.parametrize(
    ("states", "level"),
    [(("up",), "ok"), (("up", "down"), "warn"), (("down",), "fail"), ((), "fail")],
)
def test_workers_that_are_silent_are_named(states: tuple[str, ...], level: str) -> None:
    line = of_workers("workers", named_workers(*states))
    assert line.level == level
    assert ("w1 (site eu, since " in line.seen) == (states == ("up", "down"))


@pytest.mark.parametrize(
    ("version", "level", "reported"),
    [
        ("1.2.0", "ok", "same as the coordinator"),
        ("1.1.9", "warn", "older than the coordinator (1.2.0): w0 1.1.9"),
        ("1.10.0", "warn", "newer than the coordinator (1.2.0): w0 1.10.0"),
        ("unknown", "warn", "older"),
    ],
)
def test_workers_of_another_version_are_named(version: str, level: str, reported: str) -> None:
    line = of_workers("worker versions", named_workers("up", version=version))
    assert line.level == level
    assert line.seen.startswith(reported)


@pytest.mark.parametrize(
    ("skews", "level"), [({"w0": 1.0}, "ok"), ({"w0": -90.0}, "warn"), ({}, "warn")]
)
def test_the_clock_of_each_worker_is_compared(skews: dict[str, float], level: str) -> None:
    assert of_workers("worker clocks", named_workers("up"), skews=skews).level == level


def test_results_that_pile_up_and_sites_without_a_worker_are_reported() -> None:
    (one,) = named_workers("up")
    full = msgspec.structs.replace(one, outbox=1_001)
    assert of_workers("worker outboxes", (full,)).level is Level.WARN
    line = of_workers("sites", (one,), unserved={"us": 4})
    assert (line.level, line.seen) == (Level.FAIL, "no worker is up at us (4 databases)")
    assert of_workers("sites", (one,)).level is Level.OK


def test_no_targets_and_what_the_coordinator_cannot_do_are_reported() -> None:
    summary = Summary(counts=Counts(), as_of=NOW, enabled=True)
    reply = samples.status(summary=summary, degraded=("no atomic batches",))
    older = Unknown(because="it is older", todo="upgrade it")
    untold = workers.lines(reply, older, NOW)
    assert "none" in [line.seen for line in untold]
    assert pack.release_data(older, NOW).seen == "unknown: it is older"
    old = coordinator.lines(reply, older, NOW)
    assert "no atomic batches" in [line.seen for line in old]
    assert {line.level for line in old[1:]} == {Level.WARN}
    troubled = coordinator.lines(
        reply,
        health(troubles=("t",), parts=(HealthPart(name="nats", is_well=False, seen="s"),)),
        NOW,
    )
    levels = {line.seen: line.level for line in troubled}
    assert (levels["t"], levels["s"]) == (Level.WARN, Level.FAIL)


STORE = StoreHealth(
    path="/s/c.db",
    sound=True,
    version=5,
    knows=5,
    size_bytes=4096,
    wal_bytes=0,
    free_bytes=2 * GIB,
    open_to_others=False,
    backup=NOW - DAY,
)


@pytest.mark.parametrize(
    ("changes", "what", "level"),
    [
        ({}, "store", "ok"),
        ({"sound": False, "fault": "page 7"}, "store", "fail"),
        ({"sound": None, "fault": "too large"}, "store", "warn"),
        ({"version": 4}, "store schema", "fail"),
        ({"version": None}, "store schema", "warn"),
        ({"open_to_others": True}, "store folder", "warn"),
        ({"open_to_others": None}, "store folder", "warn"),
        ({"free_bytes": GIB // 2}, "store room", "warn"),
        ({"free_bytes": GIB // 16}, "store room", "fail"),
        ({"free_bytes": None}, "store room", "warn"),
        ({"wal_bytes": GIB}, "store room", "warn"),
        ({"backup": NOW - 9 * DAY}, "store backup", "warn"),
        ({"backup": None}, "store backup", "warn"),
    ],
)
def test_the_store_is_examined_part_by_part(changes: dict[str, Any], what: str, level: str) -> None:
    found = {
        one.what: one for one in coordinator.store(msgspec.structs.replace(STORE, **changes), NOW)
    }
    assert found.pop(what).level == level
    assert {one.level for one in found.values()} == {Level.OK}


SERVER = StoreHealth(
    kind="postgresql",
    path="postgresql://db/stt",
    server="18.6",
    sound=True,
    version=5,
    knows=5,
    size_bytes=4096,
    synchronous_commit="on",
    standbys=2,
    synchronous_standbys=1,
)


@pytest.mark.parametrize(
    ("changes", "what", "level", "seen"),
    [
        ({}, "store durability", "ok", "synchronous_commit on, 2 standbys, 1 synchronous"),
        ({"risk": "can lose"}, "store durability", "warn", "can lose; synchronous_commit on"),
        ({"synchronous_standbys": None}, "store durability", "ok", "hidden from this role"),
        ({"version": 4}, "store schema", "fail", "version 4"),
        ({}, "store", "ok", "PostgreSQL 18.6, postgresql://db/stt, 4.0 KiB"),
    ],
)
def test_lines_of_a_store_on_a_server_follow_what_the_server_says(
    changes: dict[str, Any], what: str, level: str, seen: str
) -> None:
    lines = coordinator.store(msgspec.structs.replace(SERVER, **changes), NOW)
    found = {one.what: one for one in lines}
    assert found.keys() == {"store", "store schema", "store durability"}
    line = found.pop(what)
    assert line.level == level
    assert seen in line.seen
    assert {one.level for one in found.values()} == {Level.OK}


def test_a_server_that_does_not_answer_fails_with_its_reason() -> None:
    away = StoreHealth(kind="postgresql", path="postgresql://db/stt", fault="refused")
    found = {one.what: one for one in coordinator.store(away, NOW)}
    assert (found["store"].level, found["store"].seen) == (
        Level.FAIL,
        "postgresql://db/stt: refused",
    )
    assert {found[name].level for name in ("store schema", "store durability")} == {Level.WARN}


def test_refused_messages_are_counted_by_code() -> None:
    assert coordinator.refused(health()).level is Level.OK
    line = coordinator.refused(health(refused={"wrong_subject": 2}))
    assert (line.level, line.seen) == (Level.WARN, "2 wrong_subject in the last 24 h")


def status_of_pack(**changes: object) -> PackStatus:
    values: dict[str, object] = {
        "source": "https://p.example/c.sttpack",
        "name": "checks",
        "serial": 12,
        "digest": "d",
        "key": "k",
        "checks": 30,
        "fetched": NOW,
        "expires": NOW + 90 * DAY,
    }
    return PackStatus(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "level", "reported"),
    [
        (90 * DAY, "ok", "limit 30 d"),
        (29 * DAY, "warn", "limit 30 d"),
        (6 * DAY, "warn", "limit 7 d"),
        (-DAY, "fail", "expired 1 d ago"),
    ],
)
def test_the_end_of_a_pack_is_reported_before_it_comes(
    left: timedelta, level: str, reported: str
) -> None:
    reply = samples.status(pack=status_of_pack(expires=NOW + left))
    (line,) = [one for one in pack.lines(reply, health(), NOW) if one.what == "pack end"]
    assert line.level == level
    assert reported in line.seen


def test_a_pack_that_nobody_signed_or_that_could_not_be_fetched_is_never_all_ok() -> None:
    reply = samples.status(pack=status_of_pack(key="", expires=None))
    levels = {one.what: one.level for one in pack.lines(reply, health(), NOW)}
    assert (levels["pack end"], levels["pack signature"]) == (Level.WARN, Level.WARN)
    failed = health(pack_source="https://p", pack_troubles=("no newer pack",))
    kept = pack.lines(samples.status(pack=status_of_pack()), failed, NOW)
    assert ("no newer pack", Level.WARN) in [(one.seen, one.level) for one in kept]
    assert pack.lines(samples.status(), failed, NOW)[0].level is Level.FAIL
    assert pack.lines(samples.status(), health(), NOW)[0].seen == "built-in, 3 checks"


@pytest.mark.parametrize(
    ("days", "level"), [(60, "ok"), (61, "warn"), (180, "warn"), (181, "fail"), (None, "warn")]
)
def test_old_release_data_is_reported(days: int | None, level: str) -> None:
    as_of = "" if days is None else str((NOW - days * DAY).date())
    assert pack.release_data(health(releases_as_of=as_of), NOW).level == level


@pytest.mark.parametrize(
    ("mode", "level"), [(0o600, "ok"), (0o640, "ok"), (0o644, "warn"), (0o602, "warn")]
)
def test_a_secret_that_everybody_reaches_is_reported(tmp_path: Path, mode: int, level: str) -> None:
    path = tmp_path / "stt.creds"
    path.write_text("x")
    path.chmod(mode)
    settings = Settings(nats=NatsSettings(creds=str(path)))
    (line,) = files.lines(files.read_modes(files.named_files(settings, None, {}, ())))
    assert line.level == level


def test_each_file_that_holds_a_secret_is_looked_at_once(tmp_path: Path) -> None:
    uses = [
        SecretUse(owner=name, family=Family.MYSQL, scheme="file", rest=str(tmp_path / "one"))
        for name in ("a", "b")
    ]
    settings = Settings(origins={"nats.password": f"{tmp_path}/worker.toml:3"})
    environ = {"STT_ALERTS_SMTP_PASSWORD_FILE": str(tmp_path / "smtp")}
    wanted = files.named_files(settings, tmp_path / "worker.toml", environ, uses)
    seen = files.read_modes(wanted)
    assert {one.path.name for one in seen} == {"one", "worker.toml", "smtp"}
    assert all(line.seen.startswith("unknown: ") for line in files.lines(seen))
    bare = files.named_files(Settings(), tmp_path / "config.toml", {}, ())
    assert bare == []


def test_secrets_in_the_environment_or_in_the_clear_are_reported() -> None:
    uses = [
        SecretUse(owner="a", family=Family.MYSQL, scheme="env", rest="PW"),
        SecretUse(owner="b", family=Family.MYSQL, scheme="plain"),
        SecretUse(owner="c", family=Family.MYSQL, scheme="cred"),
    ]
    settings = Settings(origins={"nats.password": "environment STT_NATS_PASSWORD"})
    seen = [line.seen for line in files.environment(settings, uses)]
    assert seen[0].endswith(": a, nats.password")
    assert seen[1].endswith(": b")
    assert files.environment(Settings(), uses[2:]) == []
