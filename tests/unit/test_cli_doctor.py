"""The doctor never says ok of what it could not see, and each fault comes with what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stt_shared.cli import diagnosis
from stt_shared.cli.diagnosis import Level
from stt_shared.protocol.control import WorkerInfo
from stt_shared.protocol.messages import Counts, Summary
from stt_shared.protocol.subjects import STREAMS
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
    }
    return {"config": values | changes, "state": {"messages": 3, "bytes": 99}}


@pytest.mark.parametrize(
    ("version", "level"),
    [("2.15.1", "ok"), ("2.10.0", "ok"), ("2.11.0-RC.1", "ok"), ("2.9.25", "fail"), ("", "warn")],
)
def test_a_server_that_is_too_old_is_refused(version: str, level: str) -> None:
    assert diagnosis.nats_version({"ver": version}).level == level


def test_sync_that_cannot_be_read_is_unknown_and_never_ok() -> None:
    line = diagnosis.sync_always(None)
    assert line.level is Level.WARN
    assert "unknown" in line.seen
    assert diagnosis.sync_always({"jetstream": {"config": {}}}).level is Level.WARN
    always = {"jetstream": {"config": {"sync_always": True}}}
    assert diagnosis.sync_always(always).level is Level.OK


def test_clocks_that_differ_are_told() -> None:
    assert diagnosis.clock_skew(NOW, NOW).level is Level.OK
    assert diagnosis.clock_skew(NOW - timedelta(seconds=9), NOW).level is Level.WARN
    assert diagnosis.clock_skew(None, NOW).level is Level.WARN


def test_jetstream_that_is_off_fails_with_what_to_do() -> None:
    assert diagnosis.jetstream({"streams": 7}).level is Level.OK
    assert diagnosis.jetstream(None).level is Level.FAIL
    off = diagnosis.jetstream({"error": {"description": "not enabled for account"}})
    assert (off.level, bool(off.todo)) == (Level.FAIL, True)


def of_jobs(answer: dict[str, Any]) -> diagnosis.Line:
    """The line about the first stream; of the others nothing is known."""
    return diagnosis.streams([answer, *({} for _ in STREAMS[1:])])[0]


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
    lines = diagnosis.streams([config(), gone, *({} for _ in STREAMS[2:])])
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
    lines = diagnosis.control(samples.status(workers=workers(*states)), NOW)
    found = next(line for line in lines if line.what == "workers")
    assert found.level == level


def test_no_targets_and_degraded_features_are_told() -> None:
    summary = Summary(counts=Counts(), as_of=NOW, enabled=True)
    reply = samples.status(summary=summary, degraded=("no atomic batches",))
    seen = [line.seen for line in diagnosis.control(reply, NOW) if line.level is Level.WARN]
    assert "none" in seen
    assert "no atomic batches" in seen


def test_the_verdict_is_the_worst_failure_and_warnings_do_not_fail() -> None:
    lines = [diagnosis.ok("a", ""), diagnosis.warn("b", "", "x")]
    assert diagnosis.verdict(lines) == (0, "")
    lines += [diagnosis.fail("c", "", "x")]
    assert diagnosis.verdict(lines) == (3, "1 thing to mend, first: c")
    lines += [diagnosis.Line(level=Level.FAIL, what="NATS", seen="", exit_code=4)]
    assert diagnosis.verdict(lines) == (4, "2 things to mend, first: NATS")
    assert diagnosis.amounts(lines) == "1 ok, 1 warn, 2 fail"
