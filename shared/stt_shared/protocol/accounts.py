"""The accounts of NATS: which subjects STT exports, and which of them each account imports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stt_shared.protocol import subjects
from stt_shared.protocol.control import WRITING, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.subjects import ROOT, js_api

OWNER = "STT"  # the account of the coordinators and of all streams
OPERATORS, VIEWERS, SUBSCRIBERS = "STT-ops", "STT-view", "STT-events"

INFO = js_api("INFO")
ACKS = "$JS.ACK"
READING = tuple(verb for verb in Verb if verb not in WRITING)
_CONTROL = subjects.kv_stream(subjects.BUCKET_CONTROL)
_WATERMARK = subjects.kv_stream(subjects.BUCKET_WATERMARK)
_STATE = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)


class Kind(StrEnum):
    """How a subject crosses from one account into another."""

    SERVICE = "service"  # requests go to STT, answers come back to who asked
    ANSWERS = "answers"  # a service with many answers to one request
    STREAM = "stream"  # messages of STT are delivered


@dataclass(frozen=True, slots=True)
class Crossing:
    """A subject that crosses between STT and another account, as its export or its import."""

    kind: Kind
    subject: str


def worker_account(site: str, worker: str) -> str:
    """The name of the account of one worker."""
    return f"{OWNER}-{site}-{worker}"


def exports() -> tuple[Crossing, ...]:
    """What STT exports; it stays the same whatever workers and people come and go.

    The patterns serve every import below; each import is literal, which binds it to its holder.
    """
    return (
        _service(INFO),
        *_jobs("*"),
        _service(f"{ROOT}.result.*.*.*.*"),
        _service(subjects.ANNOUNCEMENTS),
        _service(js_api(f"DIRECT.GET.{_CONTROL}.{_STATE}")),
        _service(js_api(f"DIRECT.GET.{_WATERMARK}.{subjects.kv(subjects.BUCKET_WATERMARK, '*')}")),
        _service(js_api(f"DIRECT.GET.{subjects.STREAM_PACKS}.{ROOT}.pack.>")),
        _stream(subjects.NUDGE),
        *(_service(subjects.control(verb)) for verb in Verb),
        _stream(f"{ROOT}.event.>"),
        _stream(f"{ROOT}.summary.>"),
        *_durable(subjects.STREAM_EVENTS, "*"),
    )


def of_worker(site: str, worker: str, families: Sequence[Family]) -> tuple[Crossing, ...]:
    """What the account of a worker with targets of these families imports, and nothing else."""
    watermark = subjects.kv(subjects.BUCKET_WATERMARK, worker)
    return (
        _service(INFO),
        *(one for family in families for one in _jobs(subjects.jobs_consumer(site, family).name)),
        *(_service(subjects.result(family, site, "*", worker)) for family in families),
        _service(subjects.announce(site, worker)),
        _service(js_api(f"DIRECT.GET.{_CONTROL}.{_STATE}")),
        _service(js_api(f"DIRECT.GET.{_WATERMARK}.{watermark}")),
        _service(js_api(f"DIRECT.GET.{subjects.STREAM_PACKS}.{ROOT}.pack.>")),
        _stream(subjects.NUDGE),
    )


def of_people(verbs: Sequence[Verb]) -> tuple[Crossing, ...]:
    """What the account of people imports who may use `verbs`."""
    return (
        _service(INFO),
        *(_service(subjects.control(verb)) for verb in verbs),
        _stream(f"{ROOT}.event.>"),
        _stream(f"{ROOT}.summary.>"),
    )


def of_subscribers(names: Sequence[str]) -> tuple[Crossing, ...]:
    """What the account of event subscribers imports: live events, and these durable consumers.

    Never the subjects that create consumers: whoever may create one chooses where it delivers, and
    the server delivers with the rights of STT.
    """
    return (
        _service(INFO),
        _stream(f"{ROOT}.event.>"),
        _stream(f"{ROOT}.summary.>"),
        *(
            one
            for name in names
            for one in _durable(subjects.STREAM_EVENTS, subjects.subscriber(name).name)
        ),
    )


def _jobs(consumer: str) -> tuple[Crossing, ...]:
    return _durable(subjects.STREAM_JOBS, consumer)


def _durable(stream: str, consumer: str) -> tuple[Crossing, ...]:
    """Pull from a consumer that exists, and acknowledge to it."""
    acks = f"{ACKS}.{stream}.>" if consumer == "*" else f"{ACKS}.{stream}.{consumer}.>"
    return (
        Crossing(Kind.ANSWERS, js_api(f"CONSUMER.MSG.NEXT.{stream}.{consumer}")),
        _service(acks),
    )


def _service(subject: str) -> Crossing:
    return Crossing(Kind.SERVICE, subject)


def _stream(subject: str) -> Crossing:
    return Crossing(Kind.STREAM, subject)
