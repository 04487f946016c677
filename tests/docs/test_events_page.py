"""The page of events holds every event of the code, each as it was heard on real servers."""

from __future__ import annotations

import msgspec
import pytest

from stt_cli.commands.schema import kinds
from stt_shared.protocol import codec, event_subjects, subjects
from stt_shared.protocol.codec import schema_of
from stt_shared.protocol.enums import (
    Change,
    ClockState,
    RunPhase,
    SuppressionPhase,
    TargetPhase,
    WorkerState,
)
from stt_shared.protocol.messages import Result
from stt_shared.protocol.records import FindingEvent, TargetEvent, WorkerEvent
from tools.pages import events as events_page
from tools.pages.events import KINDS, kind_of, recorded


def test_every_event_of_the_code_is_on_the_page() -> None:
    of = {
        "finding": Change,
        "exception": SuppressionPhase,
        "run": RunPhase,
        "worker": WorkerState,
        "target": TargetPhase,
        "clock": ClockState,
    }
    closed = {f"{kind}.{word}" for kind, words in of.items() for word in words}
    assert set(KINDS) == closed | {"result", "summary.all", "summary.site"}
    text = events_page.page()
    assert [kind for kind in KINDS if f"\n### {kind}\n" not in text] == []


def test_every_subject_that_events_have_in_a_stream_is_one_of_theirs() -> None:
    streams = {one.name: one for one in subjects.STREAMS}
    stored = streams[subjects.STREAM_EVENTS].subjects
    kept = {one.split(".")[3] for one in stored if one.startswith(f"{subjects.ROOT}.event.")}
    assert kept == {kind.split(".")[0] for kind in KINDS} - {"result", "summary"}
    republished = streams[subjects.STREAM_RESULTS].republish
    assert republished is not None
    assert kind_of(republished[1]) == "result"


@pytest.mark.parametrize("kind", KINDS)
def test_each_example_is_read_by_its_message_and_nothing_of_it_is_unknown(kind: str) -> None:
    heard, (_, of) = recorded()[kind], KINDS[kind]
    message = codec.decode(of, msgspec.json.encode(heard["message"]))
    assert kind_of(heard["subject"]) == kind
    assert msgspec.json.decode(msgspec.json.encode(message)) == heard["message"]
    assert schema_of(of).removeprefix("stt.").partition("/")[0] in kinds()


def test_examples_stand_under_the_subject_they_would_be_sent_with() -> None:
    found = recorded()
    for change in Change:
        heard = found[f"finding.{change}"]
        event = msgspec.convert(heard["message"], FindingEvent)
        assert (event.change, event_subjects.finding_event(event)) == (change, heard["subject"])
    for state in WorkerState:
        heard = found[f"worker.{state}"]
        worker = msgspec.convert(heard["message"], WorkerEvent)
        assert heard["subject"] == event_subjects.worker_event(worker.state, worker.site)
    for phase in TargetPhase:
        heard = found[f"target.{phase}"]
        target = msgspec.convert(heard["message"], TargetEvent)
        assert heard["subject"] == event_subjects.target_event(target)
    result = msgspec.convert(found["result"]["message"], Result)
    sent = subjects.result(result.family, result.site, result.target, result.worker)
    assert found["result"]["subject"] == sent.replace(".result.", ".event.result.")


def test_the_subscriber_is_sixteen_lines_at_most() -> None:
    lines = events_page.SUBSCRIBER.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 16
