"""What a task cannot do is shown until it can, once however many tasks report it."""

from __future__ import annotations

from stt_coordinator.tasks.troubles import Troubles, format_error
from stt_shared.errors import UnreachableError


def test_a_trouble_is_shown_until_its_task_resolves_it() -> None:
    troubles = Troubles()
    troubles.report("ingest", "the disk is full")
    troubles.report("ingest", "the disk is full: make room")
    assert (troubles.has("ingest"), troubles.sentences()) == (
        True,
        ("the disk is full: make room",),
    )
    troubles.resolve("ingest")
    troubles.resolve("ingest")
    assert (troubles.has("ingest"), troubles.sentences()) == (False, ())


def test_tasks_with_the_same_trouble_show_it_once() -> None:
    troubles = Troubles()
    for task in ("ingest", "dispatch"):
        troubles.report(task, "NATS does not answer")
    troubles.resolve("ingest")
    assert troubles.sentences() == ("NATS does not answer",)
    troubles.report("summary", "NATS does not answer")
    assert troubles.sentences() == ("NATS does not answer",)


def test_an_error_is_shown_with_its_hint() -> None:
    assert format_error(UnreachableError("away", hint="start it")) == "away: start it"
    assert format_error(UnreachableError("away")) == "away"
