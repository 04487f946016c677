"""Accounts of NATS: each subject has its holders, each import an export, none is too wide."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from stt_coordinator.control.audited_commands import AUDITED
from stt_shared.bus.memory.broker import matches
from stt_shared.protocol import accounts, subjects
from stt_shared.protocol.accounts import Crossing, Kind
from stt_shared.protocol.control import WRITING, Verb
from stt_shared.protocol.enums import Family

# What only coordinators publish, read or answer: no account but theirs needs it.
INTERNAL = (
    "stt.v1.job.>",  # workers receive jobs from their consumer
    "stt.v1.tick.>",
    "stt.v1.fence.>",
    "stt.v1.standby.*",  # between coordinators
    "$KV.stt_lease.>",
    "$KV.stt_control.>",  # read by direct get
    "$KV.stt_watermark.>",
    "stt.v1.pack.>",
)
SAMPLES: dict[str, Any] = {"verb": Verb.STATUS, "family": Family.MYSQL, "number": 0}
WORKER = accounts.of_worker("eu", "w1", tuple(Family))
PEOPLE = accounts.of_people(tuple(Verb))
SUBSCRIBER = accounts.of_subscribers(("siem",))
IMPORTS = (*WORKER, *PEOPLE, *SUBSCRIBER)


def named() -> Iterator[tuple[str, str]]:
    """Every subject that the module of subjects knows, by the name of what makes it."""
    for name, value in vars(subjects).items():
        is_subject = isinstance(value, str) and value.startswith(("stt.v1.", "$KV"))
        if is_subject and not value.endswith("."):  # else it is the beginning of subjects
            yield name, value
        made = inspect.isfunction(value) and value.__module__ == subjects.__name__
        if made and inspect.signature(value).return_annotation == "str":
            parameters = inspect.signature(value).parameters.values()
            simple = all(one.annotation in ("str", "int", "Verb", "Family") for one in parameters)
            if simple and name not in ("js_api", "kv_stream", "kv", "atomic_stream"):
                yield name, value(*(SAMPLES.get(one.name, "x1") for one in parameters))
    for stream in subjects.STREAMS:
        for subject in stream.subjects:
            yield stream.name, subject


def covered(subject: str, pattern: str) -> bool:
    deep = subject.replace(">", "x1.x1.x1.x1")  # as deep as the subject of a result
    return any(matches(pattern, one.replace("*", "x1")) for one in (subject, deep))


@pytest.mark.parametrize(("name", "subject"), [*named()])
def test_every_subject_is_exported_or_known_to_be_internal(name: str, subject: str) -> None:
    """A new subject has to be given to somebody in `accounts`, or listed here as internal."""
    exported = [one.subject for one in accounts.exports()]
    assert any(covered(subject, one) for one in (*exported, *INTERNAL)), name


@pytest.mark.parametrize("one", IMPORTS, ids=lambda one: one.subject)
def test_every_import_has_an_export_of_its_kind(one: Crossing) -> None:
    kinds = {export.kind for export in accounts.exports() if covered(one.subject, export.subject)}
    assert kinds == {one.kind}


@pytest.mark.parametrize("one", accounts.exports(), ids=lambda one: one.subject)
def test_every_export_is_imported_by_somebody(one: Crossing) -> None:
    assert any(covered(found.subject, one.subject) for found in IMPORTS)


def test_a_worker_imports_nothing_of_another_worker_or_site() -> None:
    shared = {one for one in WORKER if one in accounts.of_worker("us", "w2", tuple(Family))}
    assert {one.subject for one in shared} == {
        "$JS.API.INFO",
        "$JS.API.DIRECT.GET.KV_stt_control.$KV.stt_control.state",
        "$JS.API.DIRECT.GET.STT_PACKS.stt.v1.pack.>",
        "stt.v1.nudge",
    }


def test_nobody_but_the_coordinators_may_change_streams_or_consumers() -> None:
    forbidden = ("CREATE", "UPDATE", "DELETE", "PURGE", "NAMES", "LIST", "MSG.GET", "SNAPSHOT")
    for one in (*IMPORTS, *accounts.exports()):
        assert not any(f".{word}" in one.subject for word in forbidden), one
        assert one.subject not in (">", "stt.v1.>", "$JS.API.>", "$JS.>")


def test_the_writing_verbs_are_those_that_are_audited() -> None:
    assert set(AUDITED.values()) == WRITING
    viewer = accounts.of_people(accounts.READING)
    assert not {subjects.control(verb) for verb in WRITING} & {one.subject for one in viewer}


def test_only_pulls_have_many_answers() -> None:
    many = [one.subject for one in accounts.exports() if one.kind is Kind.ANSWERS]
    assert many == [
        "$JS.API.CONSUMER.MSG.NEXT.STT_JOBS.*",
        "$JS.API.CONSUMER.MSG.NEXT.STT_EVENTS.*",
    ]
