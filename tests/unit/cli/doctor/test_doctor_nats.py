"""Stuck consumers differ from idle ones, and missing permissions from narrow ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stt_cli.doctor import consumers, rights
from stt_cli.doctor.consumers import ConsumerState, consumer
from stt_cli.doctor.diagnostic_line import Level
from stt_cli.doctor.rights import Part, Permissions, covers, overlap
from stt_shared.protocol.enums import Family
from tests.support.cli.samples import NOW

MINUTE = timedelta(minutes=1)
LIMIT = 10 * MINUTE


def info(**changes: Any) -> dict[str, Any]:
    """A consumer of jobs as a server tells it; `delivered` and `acked` in minutes ago."""
    given, acked = changes.pop("given", 1), changes.pop("acked", 1)
    config = {
        "durable_name": "w_eu_mysql",
        "ack_policy": "explicit",
        "ack_wait": 60 * 10**9,
        "max_deliver": -1,
        "max_ack_pending": 1024,
    }
    values: dict[str, Any] = {
        "name": "w_eu_mysql",
        "config": config | changes.pop("config", {}),
        "ts": NOW.isoformat(),
        "created": (NOW - 600 * MINUTE).isoformat(),
        "delivered": {"last_active": (NOW - given * MINUTE).isoformat()} if given else {},
        "ack_floor": {"last_active": (NOW - acked * MINUTE).isoformat()} if acked else {},
    }
    return values | changes


@pytest.mark.parametrize(
    ("changes", "oldest", "level"),
    [
        ({}, None, "ok"),
        ({"given": None, "acked": None}, None, "ok"),  # never used
        ({"num_pending": 9}, 30, "ok"),  # busy: it was handed something a minute ago
        ({"num_pending": 9, "given": 600}, 1, "ok"),  # idle, and a job has just come
        ({"num_pending": 9, "given": 30}, 30, "fail"),
        ({"num_pending": 9, "given": 30}, None, "fail"),  # how long they wait is unknown
        ({"num_pending": 9, "given": None}, 30, "fail"),
        ({"num_ack_pending": 2, "given": 30, "acked": 40}, None, "fail"),
        ({"num_ack_pending": 2, "given": 30, "acked": 40, "num_waiting": 1}, None, "ok"),
        ({"num_ack_pending": 1024}, None, "fail"),
        ({"paused": True}, None, "fail"),
        ({"config": {"ack_wait": 5 * 10**9}}, None, "warn"),
    ],
)
def test_stuck_is_what_waits_and_is_not_handed_out(
    changes: dict[str, Any], oldest: int | None, level: str
) -> None:
    since = NOW - oldest * MINUTE if oldest is not None else None
    line = consumer(ConsumerState(info=info(**changes), oldest=since), LIMIT)
    assert line.level == level
    assert bool(line.todo) == (level != "ok")


def test_the_line_gives_every_number_and_who_should_take_the_jobs() -> None:
    stuck = info(num_pending=9, num_ack_pending=2, num_redelivered=1, given=30, acked=31)
    line = consumer(ConsumerState(info=stuck, oldest=NOW - 20 * MINUTE), LIMIT)
    assert line.seen == (
        "stuck: the oldest message is pending for 20 min and none was delivered for 30 min"
        " (limit 10 min);"
        " 9 pending, 2 of 1024 unacknowledged, 1 redelivered, last delivery 30 min ago,"
        " last acknowledgement 31 min ago"
    )
    assert line.todo.startswith("start a worker with mysql targets at site eu")


def test_an_expected_consumer_that_is_not_there_fails() -> None:
    lines = consumers.consumers([ConsumerState(info=info())], ["results-1", "w_eu_mysql"], LIMIT)
    assert [line.level for line in lines] == [Level.OK, Level.FAIL]
    assert lines[1].seen == "missing: results-1"
    assert consumers.unlisted("why").level is Level.WARN


@pytest.mark.parametrize(
    ("pattern", "subject", "covered", "both"),
    [
        ("a.b", "a.b", True, True),
        ("a.*", "a.b", True, True),
        ("a.>", "a.b.c", True, True),
        ("a.>", "a", False, False),
        (">", "a.>", True, True),
        ("a.b", "a.*", False, True),
        ("a.*", "a.*", True, True),
        ("a.*", "a.>", False, True),
        ("a.*.c", "a.b.d", False, False),
        ("a.b.c", "a.b", False, False),
        ("a.b", "a.b.c", False, False),
    ],
)
def test_patterns_match_as_nats_matches_them(
    pattern: str, subject: str, *, covered: bool, both: bool
) -> None:
    assert covers(pattern, subject) is covered
    assert overlap(pattern, subject) is both


def who(**permissions: object) -> dict[str, Any]:
    return {"data": {"user": "u", "permissions": permissions}}


def test_a_user_with_all_rights_is_ok_in_every_part() -> None:
    everything = {"data": {"user": "u"}}
    needs = (
        (Part.OPERATOR, rights.of_operator()),
        (Part.COORDINATOR, rights.of_coordinator()),
        (Part.WORKER, rights.of_worker("eu", "w1", [Family.MYSQL])),
    )
    for part, wanted in needs:
        assert rights.line(everything, "", part, wanted).level is Level.OK


def test_a_worker_with_just_its_own_subjects_is_ok_and_one_of_another_site_is_not() -> None:
    own = rights.of_worker("eu", "w1", [Family.MYSQL])
    granted = who(publish={"allow": list(own.publish)}, subscribe={"allow": list(own.subscribe)})
    assert rights.line(granted, "", Part.WORKER, own).level is Level.OK
    other = rights.of_worker("us", "w1", [Family.MYSQL])
    line = rights.line(granted, "", Part.WORKER, other)
    assert line.level is Level.FAIL
    assert "publish stt.v1.announce.us.w1" in line.seen


def test_what_is_denied_is_named_and_an_operator_who_only_looks_is_a_warning() -> None:
    granted = who(publish={"deny": ["stt.v1.control.enable"]})
    line = rights.line(granted, "", Part.OPERATOR, rights.of_operator())
    assert line.level is Level.WARN
    assert "may not publish stt.v1.control.enable (1 of" in line.seen


def test_without_an_answer_permissions_are_unknown() -> None:
    line = rights.line({"unanswered": "x"}, "x", Part.WORKER, rights.of_operator())
    assert (line.level, line.seen) == (Level.WARN, "unknown: x")
    assert rights.permissions({}) is None


def test_a_service_may_be_allowed_to_answer_without_publishing_to_inboxes() -> None:
    strict: dict[str, Any] = {"publish": {"allow": ["a"]}}
    assert not Permissions(strict).may("publish", rights.INBOX)
    assert Permissions({**strict, "responses": {"max": 1}}).may("publish", rights.INBOX)
    assert Permissions({"subscribe": {"allow": ["a.> q"]}}).may("subscribe", "a.b")


def test_credentials_that_end_are_reported() -> None:
    assert rights.credentials({"data": {"user": "u"}}) is None
    soon = rights.credentials({"data": {"expires": 3600 * 10**9}})
    later = rights.credentials({"data": {"expires": 30 * 86400 * 10**9}})
    assert (soon and soon.level, later and later.level) == (Level.WARN, Level.OK)
