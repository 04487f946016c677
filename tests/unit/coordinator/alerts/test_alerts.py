"""What alerts say and when: chosen findings, stable labels, ends, and retries after failures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from stt_coordinator.alerts import alertmanager
from stt_coordinator.alerts.alert_filter import severities
from stt_coordinator.alerts.alertmanager import AlertMemory, Push, alert
from stt_coordinator.alerts.delivery_loop import run_channel
from stt_coordinator.alerts.post import ChannelError, place
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.tasks.troubles import Troubles
from stt_shared.protocol.enums import Family, Severity
from stt_shared.settings.alerts import AlertSettings
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.fleet import fill, finding

MINUTE = timedelta(minutes=1)


def alert_of(severity: Severity = Severity.CRITICAL, **changes: Any) -> alertmanager.Alert:
    record = msgspec.structs.replace(finding("f_1", "t1", "eu", severity), **changes)
    return alert(record, {"team": "orders"}, now=NOW, page_url="https://stt.example/")


def test_labels_stay_the_same_while_words_and_times_change() -> None:
    later: dict[str, Any] = {
        "summary": "now two accounts",
        "description": "x",
        "last_confirmed": NOW + MINUTE,
    }
    assert alert_of(**later).labels == alert_of().labels


def test_an_alert_has_the_severity_that_alertmanager_routes_by_and_ours() -> None:
    found = {s: alert_of(s).labels for s in Severity}
    routed = {s: (labels["severity"], labels["stt_severity"]) for s, labels in found.items()}
    assert routed == {
        Severity.CRITICAL: ("critical", "critical"),
        Severity.MAJOR: ("warning", "major"),
        Severity.TRIVIAL: ("info", "trivial"),
    }


def test_an_alert_links_to_its_finding_and_carries_labels_of_its_target() -> None:
    made = alert_of()
    assert made.generator_url == "https://stt.example/findings/f_1"
    assert made.labels["team"] == "orders"


def test_labels_of_a_target_never_replace_ours_and_names_fit_alertmanager() -> None:
    record = finding("f_1", "t1", "eu", Severity.MAJOR)
    made = alert(record, {"site": "lie", "cost centre": "7", "empty": ""}, now=NOW)
    assert made.labels["site"] == "eu"
    assert not made.labels.keys() & {"cost centre", "empty"}


def test_no_alert_ends_before_it_starts_though_a_clock_went_back() -> None:
    made = alert_of(since=NOW + 60 * MINUTE)
    assert made.starts_at == NOW
    memory = AlertMemory()
    memory.turn([made], NOW)
    (over,) = memory.turn([], NOW - MINUTE)
    assert over.ends_at == over.starts_at


def test_an_alert_that_is_over_is_sent_as_ended_for_five_minutes() -> None:
    memory, one = AlertMemory(), alert_of()
    assert memory.turn([one], NOW) == [one]
    (over,) = memory.turn([], NOW + MINUTE)
    assert over.ends_at == NOW + MINUTE
    assert memory.turn([], NOW + 6 * MINUTE) == [over]
    assert memory.turn([], NOW + 6 * MINUTE + timedelta(seconds=1)) == []


def test_an_alert_that_comes_back_is_no_longer_sent_as_ended() -> None:
    memory, one = AlertMemory(), alert_of()
    memory.turn([one], NOW)
    memory.turn([], NOW + MINUTE)
    assert memory.turn([one], NOW + 2 * MINUTE) == [one]


def test_a_finding_that_became_more_severe_ends_one_alert_and_begins_another() -> None:
    memory = AlertMemory()
    memory.turn([alert_of(Severity.MAJOR)], NOW)
    sent = memory.turn([alert_of(Severity.CRITICAL)], NOW + MINUTE)
    assert [(one.labels["stt_severity"], one.ends_at > NOW + MINUTE) for one in sent] == [
        ("critical", True),
        ("major", False),
    ]


def test_severities_reach_down_to_the_least() -> None:
    assert severities("major") == (Severity.CRITICAL, Severity.MAJOR)
    assert severities("trivial") == tuple(Severity)


class Posts:
    """Keeps what is posted; refuses what begins with one of `down`."""

    def __init__(self, *down: str) -> None:
        self.down = down
        self.bodies: list[tuple[str, bytes, Mapping[str, str]]] = []

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        if url.startswith(self.down):
            raise ChannelError(f"{place(url)} answers 503")
        self.bodies.append((url, body, headers))


async def test_an_alertmanager_that_is_down_keeps_nothing_from_the_others() -> None:
    store, posts = MemoryStore(), Posts("http://one")
    await store.transact(fill)
    settings = AlertSettings(alertmanager=("http://one:9093", "http://two:9093/am/"))
    with pytest.raises(ChannelError, match="http://one:9093 answers 503"):
        await Push(settings, store, posts).step()
    ((url, body, _),) = posts.bodies
    assert url == "http://two:9093/am/api/v2/alerts"
    assert {one["labels"]["finding_id"] for one in msgspec.json.decode(body)} == {"f_1", "f_2"}


async def test_findings_beyond_the_limit_are_reported_as_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alertmanager, "MAX_ALERTS", 1)
    store = MemoryStore()
    await store.transact(fill)
    push = Push(AlertSettings(alertmanager=("http://one:9093",)), store, Posts())
    assert await push.step() == "1 open findings are not pushed, the limit is 1"


class Flaky:
    """A channel whose first steps fail."""

    name = "flaky"
    every_s = 60.0
    longest_pause_s = 5.0

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def step(self) -> str:
        self.failures -= 1
        if self.failures >= 0:
            raise ChannelError("no")
        return ""


async def test_a_failing_channel_is_tried_after_longer_pauses_and_reported() -> None:
    pauses: list[float] = []
    seen: list[tuple[str, ...]] = []
    troubles = Troubles()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        seen.append(troubles.sentences())
        if len(pauses) == 6:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run_channel(Flaky(4), troubles, pause)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 60.0, 60.0]
    assert seen[3] == ("alerts by flaky: no",)
    assert seen[4] == ()


def test_messages_name_no_path_of_a_webhook() -> None:
    assert place("https://hooks.example:8443/T0/B0/secret") == "https://hooks.example:8443"


def test_a_record_of_every_family_makes_an_alert() -> None:
    record = finding("f_1", "t1", "eu", Severity.MAJOR)
    for family in Family:
        made = alert(msgspec.structs.replace(record, family=family), {}, now=NOW)
        assert made.labels["engine"] == family
