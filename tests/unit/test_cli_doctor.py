"""The doctor never says ok of what it could not see, and each fault comes with what to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stt_shared.cli.diagnosis import coordinator, files, server, streams
from stt_shared.cli.diagnosis.line import Level, Line, amounts, fail, ok, verdict, warn
from stt_shared.protocol.control import PackStatus, WorkerInfo
from stt_shared.protocol.health import HealthPart, HealthReply, StoreHealth
from stt_shared.protocol.messages import Counts, Summary
from stt_shared.protocol.subjects import STREAMS
from stt_shared.settings import NatsSettings, Settings, load
from tests.unit import cli_samples as samples
from tests.unit.cli_samples import NOW


def config(**changes: object) -> dict[str, Any]:
    """A stream as a server echoes it: false fields left out."""
    values: dict[str, Any] = {
        "subjects": ["stt.v1.job.>"],
        "retention": "workqueue",
        "discard": "new",
        "storage": "file",
        "max_age": 48 * 3600 * 10**9,
        "max_msgs_per_subject": 1,
        "discard_new_per_subject": True,
        "allow_direct": True,
        "duplicate_window": 2 * 3600 * 10**9,
    }
    return {"config": values | changes, "state": {"messages": 3, "bytes": 99}}


@pytest.mark.parametrize(
    ("version", "level"),
    [("2.15.1", "ok"), ("2.10.0", "ok"), ("2.11.0-RC.1", "ok"), ("2.9.25", "fail"), ("", "warn")],
)
def test_a_server_that_is_too_old_is_refused(version: str, level: str) -> None:
    assert server.nats_version({"ver": version}).level == level


def test_sync_that_cannot_be_read_is_unknown_and_never_ok() -> None:
    line = server.sync_always(None)
    assert line.level is Level.WARN
    assert "unknown" in line.seen
    assert server.sync_always({"jetstream": {"config": {}}}).level is Level.WARN
    always = {"jetstream": {"config": {"sync_always": True}}}
    assert server.sync_always(always).level is Level.OK


def test_clocks_that_differ_are_told() -> None:
    assert server.clock_skew(NOW, NOW).level is Level.OK
    assert server.clock_skew(NOW - timedelta(seconds=9), NOW).level is Level.WARN
    assert server.clock_skew(None, NOW).level is Level.WARN


def test_jetstream_that_is_off_fails_with_what_to_do() -> None:
    assert server.jetstream({"streams": 7}).level is Level.OK
    assert server.jetstream(None).level is Level.FAIL
    off = server.jetstream({"error": {"description": "not enabled for account"}})
    assert (off.level, bool(off.todo)) == (Level.FAIL, True)


def of_jobs(answer: dict[str, Any]) -> Line:
    """The line about the first stream; of the others nothing is known."""
    return streams.streams([answer, *({} for _ in STREAMS[1:])])[0]


def test_a_stream_as_it_must_be_is_ok() -> None:
    line = of_jobs(config())
    assert (line.what, line.level) == ("STT_JOBS", Level.OK)


def test_a_stream_that_differs_names_the_setting() -> None:
    line = of_jobs(config(retention="limits", discard_new_per_subject=False))
    assert line.level is Level.WARN
    assert line.seen == (
        "differs: retention is limits, not workqueue, discard_new_per_subject is False, not True"
    )


def test_missing_streams_fail_in_one_line_with_their_names() -> None:
    gone = {"error": {"description": "stream not found"}}
    lines = streams.streams([config(), gone, *({} for _ in STREAMS[2:])])
    assert [line.level for line in lines] == [Level.OK, Level.FAIL]
    assert "STT_RESULTS (stream not found), STT_TICKS (no answer)" in lines[1].seen


def workers(*states: str) -> tuple[WorkerInfo, ...]:
    return tuple(
        WorkerInfo(worker=f"w{n}", site="eu", state=state, version="1", last_heard=NOW, targets=1)
        for n, state in enumerate(states)
    )


@pytest.mark.parametrize(
    ("states", "level"),
    [(("up",), "ok"), (("up", "down"), "warn"), (("down",), "fail"), ((), "fail")],
)
def test_workers_that_are_away_are_named(states: tuple[str, ...], level: str) -> None:
    lines = coordinator.control(samples.status(workers=workers(*states)), NOW)
    found = next(line for line in lines if line.what == "workers")
    assert found.level == level


def test_no_targets_and_degraded_features_are_told() -> None:
    summary = Summary(counts=Counts(), as_of=NOW, enabled=True)
    reply = samples.status(summary=summary, degraded=("no atomic batches",))
    seen = [line.seen for line in coordinator.control(reply, NOW) if line.level is Level.WARN]
    assert "none" in seen
    assert "no atomic batches" in seen


def test_the_verdict_is_the_worst_failure_and_warnings_do_not_fail() -> None:
    lines = [ok("a", ""), warn("b", "", "x")]
    assert verdict(lines) == (0, "")
    lines += [fail("c", "", "x")]
    assert verdict(lines) == (3, "1 thing to mend, first: c")
    lines += [Line(level=Level.FAIL, what="NATS", seen="", exit_code=4)]
    assert verdict(lines) == (4, "2 things to mend, first: NATS")
    assert amounts(lines) == "1 ok, 1 warn, 2 fail"


@pytest.mark.parametrize(
    ("permissions", "level", "seen"),
    [
        (None, "ok", "may ask and hear everything"),
        ({"publish": {"deny": ["stt.v1.control.enable"]}}, "ok", "may not ask: enable"),
        ({"publish": {"allow": ["stt.v1.control.*"]}}, "ok", "may ask and hear everything"),
        ({"subscribe": {"allow": ["_INBOX.>"]}}, "warn", "may not hear stt.v1.event.>"),
        ({"subscribe": {"allow": ["stt.v1.>", "_INBOX.>"]}}, "ok", "everything"),
    ],
)
def test_what_the_user_may_not_do_is_named(
    permissions: dict[str, Any] | None, level: str, seen: str
) -> None:
    line = server.permissions({"user": "dba", "account": "A", "permissions": permissions})
    assert (line.level, seen in line.seen) == (level, True), line
    assert server.permissions(None).level is Level.WARN


def test_storage_that_is_nearly_full_is_told() -> None:
    account = {"streams": 8, "storage": 90, "limits": {"max_storage": 100}}
    assert server.jetstream(account).level is Level.WARN
    assert server.jetstream(account | {"storage": 10}).level is Level.OK
    assert server.jetstream(account | {"limits": {"max_storage": -1}}).level is Level.OK


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("nats://127.0.0.1:4222", "ok"),
        ("nats://nats.corp:4222", "warn"),
        ("tls://nats.corp:4222", "ok"),
        ("tls://a:1,nats://b:2", "warn"),
    ],
)
def test_a_connection_that_others_can_read_is_told(url: str, level: str) -> None:
    assert server.transport(NatsSettings(url=url)).level == level
    assert server.transport(NatsSettings(url=url, ca="/etc/ca.pem")).level is Level.OK


def test_messages_that_would_not_fit_are_told() -> None:
    assert server.payload(None) == []
    assert [line.level for line in server.payload({"max_payload": 65_536})] == [Level.WARN]
    assert [line.level for line in server.payload({"max_payload": 8 << 20})] == [Level.OK]


def consumer(
    minutes: int, pending: int = 0, unanswered: int = 0, name: str = "w"
) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    return {
        "name": name,
        "stream_name": "STT_JOBS",
        "created": (NOW - timedelta(days=9)).isoformat(),
        "config": {"filter_subject": "stt.v1.job.eu.mysql.>"},
        "delivered": {"last_active": at},
        "ack_floor": {},
        "num_pending": pending,
        "num_ack_pending": unanswered,
    }


def test_a_consumer_that_has_work_and_does_not_move_is_stuck() -> None:
    (line,) = streams.consumers([consumer(1, pending=5), consumer(600)], NOW)
    assert (line.level, line.seen) == (Level.OK, "2 consumers, 5 messages waiting")
    (line,) = streams.consumers([consumer(12, pending=5), consumer(600)], NOW)
    assert line.level is Level.FAIL
    assert line.seen == ("stt.v1.job.eu.mysql.>: 5 waiting, 0 unanswered, nothing moved for 12 min")
    (line,) = streams.consumers([consumer(30, unanswered=2, name="aggregator")], NOW)
    assert (line.level, "coordinator" in line.todo) == (Level.FAIL, True)


def pack(**changes: Any) -> PackStatus:
    values: dict[str, Any] = {
        "source": "https://packs",
        "name": "checks",
        "serial": 7,
        "digest": "d",
        "key": "RWQ1",
        "checks": 117,
        "fetched": NOW - timedelta(hours=3),
        "expires": NOW + timedelta(days=90),
    }
    return PackStatus(**(values | changes))


@pytest.mark.parametrize(
    ("status", "level", "seen"),
    [
        (None, "ok", "those of the installation"),
        (pack(), "ok", "serial 7"),
        (pack(expires=NOW - timedelta(days=1)), "fail", "expired"),
        (pack(expires=NOW + timedelta(days=9)), "warn", "expires"),
        (pack(key=""), "warn", "signed by nobody"),
        (pack(fetched=NOW - timedelta(days=5)), "warn", "fetched"),
    ],
)
def test_a_pack_that_ends_or_that_nobody_signed_is_told(
    status: PackStatus | None, level: str, seen: str
) -> None:
    line = coordinator.pack(status, NOW)
    assert (line.level, seen in line.seen) == (level, True), line


def healthy(**changes: Any) -> StoreHealth:
    values: dict[str, Any] = {
        "path": "/s/coordinator.db",
        "integrity": "ok",
        "schema_version": 6,
        "known_version": 6,
        "size": 1 << 30,
        "log_size": 0,
        "free": 50 << 30,
    }
    return StoreHealth(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "ok"),
        ({"integrity": "row 3 missing from index x"}, "fail"),
        ({"schema_version": 5}, "fail"),
        ({"free": 50 << 20}, "fail"),
        ({"free": 500 << 20}, "warn"),
        ({"log_size": 1 << 30}, "warn"),
    ],
)
def test_a_store_that_is_damaged_or_has_no_room_is_told(
    changes: dict[str, Any], level: str
) -> None:
    assert [line.level for line in coordinator.store(healthy(**changes))] == [level]


@pytest.mark.parametrize(
    ("as_of", "level"),
    [("2026-11-01", "ok"), ("2026-09-01", "warn"), ("2026-03-01", "warn"), ("", "warn")],
)
def test_release_data_that_are_old_are_told(as_of: str, level: str) -> None:
    assert coordinator.releases(as_of, NOW.date()).level == level


def test_parts_that_stand_still_sites_without_worker_and_old_workers_are_named() -> None:
    reply = HealthReply(
        now=NOW - timedelta(minutes=1),
        version="2",
        parts=(HealthPart(name="results", is_well=False, seen="none taken in for 90 s"),),
        releases_as_of=NOW.date().isoformat(),
        unserved={"us": 3},
    )
    lines = coordinator.health(reply, samples.status(workers=workers("up")), NOW)
    told = [(line.level, line.what, line.seen) for line in lines if line.level is not Level.OK]
    assert told == [
        ("warn", "clock", "60.0 s from the coordinator's"),
        ("fail", "coordinator's results", "none taken in for 90 s"),
        ("fail", "workers", "site us has 3 targets and no worker that is up"),
        ("warn", "workers", "not of the coordinator's version 2: w0 (1)"),
    ]


def of(config: Path, environ: dict[str, str]) -> list[Line]:
    return files.private(load(flags={}, environ=environ, path=config), environ)


def test_secrets_that_others_may_read_are_told(tmp_path: Path) -> None:
    creds, config = tmp_path / "creds", tmp_path / "config.toml"
    creds.touch(0o600)
    config.write_text(f'[nats]\ncreds = "{creds}"\npassword = "p"\n')
    config.chmod(0o600)
    (line,) = of(config, {"STT_ALERTS_SMTP_PASSWORD": "x"})
    assert line.seen == "alerts.smtp_password stands in the environment"
    creds.chmod(0o640)
    config.chmod(0o644)
    assert [line.seen for line in of(config, {})] == [
        f"others may read {config} (mode 644)",
        f"others may read {creds} (mode 640)",
    ]
    creds.unlink()
    config.chmod(0o600)
    (line,) = of(config, {})
    assert line.seen == f"cannot look at {creds} (no such file or directory)"
    assert files.private(Settings(), {})[0].level is Level.OK


def test_a_secret_in_a_file_that_the_environment_names_is_looked_at(tmp_path: Path) -> None:
    config, secret = tmp_path / "config.toml", tmp_path / "password"
    config.touch(0o600)
    secret.write_text("p")
    secret.chmod(0o604)
    (line,) = of(config, {"STT_NATS_PASSWORD_FILE": str(secret)})
    assert line.seen == f"others may read {secret} (mode 604)"
