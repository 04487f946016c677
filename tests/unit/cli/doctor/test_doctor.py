"""The doctor never says ok of what it could not see, and each fault comes with what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stt_cli.doctor import server, streams
from stt_cli.doctor.diagnostic_line import (
    DiagnosticLine,
    Level,
    amounts,
    fail,
    ok,
    verdict,
    warn,
)
from stt_shared.bus.values import Peer
from stt_shared.protocol.subjects import STREAMS
from stt_shared.report import readable
from stt_shared.report.readable import size
from tests.support.cli.samples import NOW

DAY = timedelta(days=1)
GIB = 1 << 30


def config(**changes: object) -> dict[str, Any]:
    """The stream of jobs as a server echoes it."""
    values: dict[str, Any] = {
        "subjects": ["stt.v1.job.>", "stt.v1.fence.STT_JOBS.>"],
        "retention": "workqueue",
        "discard": "new",
        "storage": "file",
        "max_age": 48 * 3600 * 10**9,
        "max_bytes": GIB,
        "max_msgs_per_subject": 1,
        "discard_new_per_subject": True,
        "duplicate_window": 2 * 3600 * 10**9,
        "allow_direct": True,
        "allow_atomic": True,
    }
    return {"config": values | changes, "state": {"messages": 3, "bytes": 99}}


@pytest.mark.parametrize(
    ("version", "level"),
    [("2.15.1", "ok"), ("2.10.0", "ok"), ("2.11.0-RC.1", "ok"), ("2.9.25", "fail"), ("", "warn")],
)
def test_a_server_that_is_too_old_is_refused(version: str, level: str) -> None:
    assert server.version({"ver": version}).level == level


def test_sync_that_cannot_be_read_is_unknown_and_never_ok() -> None:
    line = server.sync_always(None)
    assert line.level is Level.WARN
    assert line.seen.startswith("unknown: ")
    assert server.sync_always({"jetstream": {"config": {}}}).level is Level.WARN
    seldom = server.sync_always({"jetstream": {"config": {"sync_interval": 30 * 10**9}}})
    assert seldom.seen.startswith("every 30 s")
    always = {"jetstream": {"config": {"sync_always": True}}}
    assert server.sync_always(always).level is Level.OK


@pytest.mark.parametrize(
    ("peer", "level"),
    [
        (None, "warn"),
        (Peer(host="nats.example"), "warn"),
        (Peer(host="nats.example", encrypted=False), "warn"),
        (Peer(host="127.0.0.1", encrypted=False), "ok"),
        (Peer(host="::1", encrypted=False), "ok"),
        (Peer(host="nats.example", encrypted=True), "ok"),
        (Peer(host="n", encrypted=True, certificate_ends=NOW + 31 * DAY), "ok"),
        (Peer(host="n", encrypted=True, certificate_ends=NOW + 29 * DAY), "warn"),
    ],
)
def test_a_plain_connection_is_fine_on_this_machine_alone(peer: Peer | None, level: str) -> None:
    assert server.transport(peer, NOW).level == level


@pytest.mark.parametrize(("most", "level"), [(1 << 20, "ok"), (512 << 10, "fail"), (0, "warn")])
def test_a_server_that_takes_only_small_messages_is_refused(most: int, level: str) -> None:
    assert server.payload(Peer(host="n", max_payload=most)).level == level


def test_clocks_that_differ_are_reported() -> None:
    assert server.clock_skew("clock", NOW, NOW, "x").level is Level.OK
    assert server.clock_skew("clock", NOW - timedelta(seconds=9), NOW, "x").level is Level.WARN
    assert server.clock_skew("clock", None, NOW, "x").seen.startswith("unknown: ")


def test_jetstream_that_is_off_fails_with_what_to_do() -> None:
    assert server.jetstream({"streams": 7}).level is Level.OK
    assert server.jetstream(None).level is Level.FAIL
    off = server.jetstream({"error": {"description": "not enabled for account"}})
    assert (off.level, bool(off.todo)) == (Level.FAIL, True)


@pytest.mark.parametrize(
    ("used", "limit", "held", "level"),
    [
        (1, 10, None, "ok"),
        (8, 10, None, "warn"),
        (10, 10, None, "fail"),
        (1, -1, (1, 10), "ok"),
        (1, -1, (99, 100), "fail"),
        (1, -1, None, "warn"),
    ],
)
def test_room_is_that_of_the_account_or_of_the_server(
    used: int, limit: int, held: tuple[int, int] | None, level: str
) -> None:
    account = {"storage": used, "limits": {"max_storage": limit}}
    varz = held and {
        "jetstream": {"config": {"max_storage": held[1]}, "stats": {"storage": held[0]}}
    }
    assert server.room(account, varz).level == level


def of_jobs(answer: dict[str, Any]) -> DiagnosticLine:
    """The line about the first stream; of the others nothing is known."""
    return streams.streams([answer, *({} for _ in STREAMS[1:])])[0]


def test_a_stream_as_it_must_be_is_ok() -> None:
    line = of_jobs(config())
    assert (line.what, line.level) == ("STT_JOBS", Level.OK)


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"retention": "limits"}, "retention is limits, expected workqueue"),
        ({"discard_new_per_subject": False}, "discard_new_per_subject is False, expected True"),
        ({"storage": "memory"}, "storage is memory, expected file"),
        ({"duplicate_window": 120 * 10**9}, "duplicate_window is 2 min, expected 2 h"),
        ({"max_age": 0}, "max_age is unlimited, expected 2 d"),
        ({"max_bytes": GIB // 8}, "max_bytes is 128.0 MiB, expected 1.0 GiB"),
        ({"allow_atomic": False}, "allow_atomic is False, expected True"),
        ({"republish": {"src": "a", "dest": "b"}}, "republish is a to b, expected nothing"),
    ],
)
def test_a_stream_that_differs_names_the_setting(changes: dict[str, object], reported: str) -> None:
    line = of_jobs(config(**changes))
    assert (line.level, line.seen) == (Level.WARN, f"differs: {reported}")


def test_a_stream_that_is_nearly_full_and_then_refuses_is_reported() -> None:
    full = config() | {"state": {"messages": 3, "bytes": int(GIB * 0.9)}}
    assert of_jobs(full).level is Level.WARN


def test_missing_streams_fail_by_name_and_those_that_cannot_be_read_are_unknown() -> None:
    gone = {"error": {"description": "stream not found"}}
    secret = {"unanswered": "this user may not"}
    lines = streams.streams([config(), gone, *(secret for _ in STREAMS[2:])])
    assert [line.level for line in lines] == [Level.OK, Level.FAIL, Level.WARN]
    assert lines[1].seen == "missing: STT_RESULTS (stream not found)"
    assert lines[2].seen.startswith("unknown: this user may not: STT_TICKS")


@pytest.mark.parametrize(
    ("copies", "cluster", "peers", "level"),
    [
        (1, "", [], "ok"),
        (1, "c1", [], "warn"),
        (3, "c1", [{"name": "b", "current": True}, {"name": "c", "current": True}], "ok"),
        (3, "c1", [{"name": "b", "current": True, "offline": True}], "warn"),
        (3, "c1", [{"name": "b", "current": False}], "warn"),
    ],
)
def test_copies_that_are_missing_or_behind_are_reported(
    copies: int, cluster: str, peers: list[dict[str, Any]], level: str
) -> None:
    answer = config(num_replicas=copies) | {"cluster": {"replicas": peers}}
    assert streams.replicas([answer], cluster).level == level
    assert streams.replicas([{}], cluster).level is Level.WARN


def test_the_verdict_is_the_worst_failure_and_warnings_do_not_fail() -> None:
    lines = [ok("a", ""), warn("b", "", "x")]
    assert verdict(lines) == (0, "")
    lines += [fail("c", "", "x")]
    assert verdict(lines) == (3, "1 problem, first: c")
    lines += [DiagnosticLine(level=Level.FAIL, what="NATS", seen="", exit_code=4)]
    assert verdict(lines) == (4, "2 problems, first: NATS")
    assert amounts(lines) == "1 ok, 1 warn, 2 fail"


def test_sizes_and_long_lists_are_short() -> None:
    assert [size(n) for n in (0, 1023, 1536, 5 * GIB)] == [
        "0 bytes",
        "1023 bytes",
        "1.5 KiB",
        "5.0 GiB",
    ]
    assert readable.first_names(list("abcdefg")) == "a, b, c, d, e and 2 more"
