"""Ask subjects of NATS in a way that changes nothing, to learn which of them this user may use.

Permissions say less than answers do: a subject that an account does not import is refused nowhere,
its messages vanish, and only a request learns that nobody answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stt_shared.bus.port import Bus
from stt_shared.bus.values import Outgoing, RequestError
from stt_shared.errors import NobodyAnswersError, UnreachableError
from stt_shared.protocol import accounts, subjects
from stt_shared.protocol.accounts import ACKS, Crossing, Kind
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.subjects import ROOT, js_api

WAIT_S = 2.0
SAMPLE = "stt-probe"  # no target, worker, site or pack of that name exists
IMPOSSIBLE = {"Nats-Expected-Stream": SAMPLE}  # a stream refuses the message and stores nothing
NO_STREAM = "no stream for this subject"


class Answer(StrEnum):
    """What came of asking a subject."""

    ANSWERED = "answered"
    ABSENT = "nobody answers"  # not imported, or nobody is there
    SILENT = "no answer in time"  # refused by permissions, or a subject without answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A harmless message for `subject`; one that is `stored` would be stored if it were valid."""

    subject: str
    data: bytes = b""
    stored: bool = False
    answers: bool = True  # whether the subject has answers at all


async def ask(bus: Bus, probes: Sequence[Probe]) -> list[Answer]:
    """What comes of each probe, asked concurrently."""
    return list(await asyncio.gather(*(_ask(bus, probe) for probe in probes)))


async def _ask(bus: Bus, probe: Probe) -> Answer:
    if probe.stored:
        message = Outgoing(subject=probe.subject, data=probe.data, headers=IMPOSSIBLE)
        (receipt,) = await bus.publish([message])
        if NO_STREAM in receipt.reason:
            return Answer.ABSENT
        return Answer.SILENT if "no acknowledgement" in receipt.reason else Answer.ANSWERED
    try:
        await bus.request(probe.subject, probe.data, timeout=WAIT_S)
    except NobodyAnswersError:
        return Answer.ABSENT
    except UnreachableError:
        return Answer.SILENT
    except RequestError:
        return Answer.ANSWERED
    return Answer.ANSWERED


def missing(probe: Probe, answer: Answer) -> bool:
    """Whether `answer` shows that this user may not use the subject, or that nobody is there."""
    return answer is Answer.ABSENT or (probe.answers and answer is Answer.SILENT)


def own(crossings: Iterable[Crossing]) -> tuple[Probe, ...]:
    """The probes of what an account imports; streams cannot be asked."""
    return tuple(_probe(one) for one in crossings if one.kind is not Kind.STREAM)


def foreign(crossings: Sequence[Crossing]) -> tuple[Probe, ...]:
    """The probes of what a user with these imports must not be able to use."""
    others = (
        *accounts.of_worker(SAMPLE, SAMPLE, tuple(Family)),
        *accounts.of_people(tuple(Verb)),
        *accounts.of_subscribers((SAMPLE,)),
    )
    imported = {one.subject for one in crossings}
    results = subjects.STREAM_RESULTS
    calls = (
        "STREAM.NAMES",
        f"STREAM.INFO.{subjects.STREAM_JOBS}",
        f"CONSUMER.INFO.{results}.{subjects.RESULTS_STEM}1",
        f"CONSUMER.MSG.NEXT.{results}.{subjects.RESULTS_STEM}1",
        f"CONSUMER.CREATE.{subjects.STREAM_EVENTS}",
    )
    return (
        *own(one for one in others if one.subject not in imported and not _is_ack(one)),
        *(Probe(subject=js_api(call), data=b"{") for call in calls),
        *(
            Probe(subject=subject.replace(">", SAMPLE), stored=True)
            for stream in subjects.STREAMS
            for subject in stream.subjects
        ),
    )


def _is_ack(one: Crossing) -> bool:
    return one.subject.startswith(ACKS)


def _probe(one: Crossing) -> Probe:
    subject = one.subject
    if _is_ack(one):  # of a delivery that cannot exist: sequence 0
        return Probe(subject=subject.replace(">", "1.0.0.0.0"), data=b"+WPI", answers=False)
    if one.kind is Kind.ANSWERS:  # a pull that cannot be read: it is answered, and takes no message
        return Probe(subject=subject, data=b"{")
    if subject.startswith(f"{ROOT}.result."):
        return Probe(subject=subject.replace("*", SAMPLE), stored=True)
    if subject.startswith(f"{ROOT}.announce."):
        return Probe(subject=subject, answers=False)
    if subject.startswith(f"{ROOT}.control."):
        return Probe(subject=subject, data=b"{}")
    return Probe(subject=subject.replace(">", SAMPLE))
