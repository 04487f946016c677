"""The messages of a worker and its child about one inspection, as frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from stt_shared.checkfile.model import Question
from stt_shared.protocol.messages import Facts, PartNotChecked
from stt_worker.databases.inspection import View
from stt_worker.databases.port import Endpoint, Failure, Limits

KEPT_VIEWS = 8  # decoded lists of questions; a child meets few packs and types of server
CPU_S = 60  # per inspection; a server with 10,000 objects takes 2


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """First, to the child: the server to inspect. Contains the password; never shown."""

    endpoint: Endpoint
    limits: Limits
    expected: Facts | None = None  # the facts of the last inspection
    views: bytes = b""  # the questions for these facts


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The server could not be inspected: an InspectionError."""

    failure: Failure


class Known(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Second, from the child: the facts. The parent sends views unless these were expected."""

    facts: Facts


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Last, from the child: the JSON or failure of each view, and its parts not checked."""

    answers: list[bytes | Failure]
    parts: list[tuple[PartNotChecked, ...]]


_encoder = msgspec.msgpack.Encoder()
_orders = msgspec.msgpack.Decoder(Order)
_views = msgspec.msgpack.Decoder(tuple[View, ...])
_questions = msgspec.msgpack.Decoder(tuple[Question, ...])
_first: msgspec.msgpack.Decoder[Known | Refused] = msgspec.msgpack.Decoder(Known | Refused)
_last: msgspec.msgpack.Decoder[Answered | Refused] = msgspec.msgpack.Decoder(Answered | Refused)


def encoded(message: Order | Refused | Known | Answered) -> bytes:
    """The frame of a message."""
    return _encoder.encode(message)


def encoded_views(views: Sequence[View]) -> bytes:
    """The frame of views."""
    return _encoder.encode(tuple(views))


def encoded_questions(asked: Iterable[Question]) -> bytes:
    """The payload of the questions of all checks, for `questions`."""
    return _encoder.encode(tuple(asked))


def questions(payload: bytes) -> tuple[Question, ...]:
    """The questions of all checks."""
    return _questions.decode(payload)


def order(frame: bytes) -> Order:
    """The order in a frame."""
    return _orders.decode(frame)


@lru_cache(maxsize=KEPT_VIEWS)
def views(frame: bytes) -> tuple[View, ...]:
    """The views in a frame; equal frames return the same objects, so hashes are cached."""
    return _views.decode(frame)


def first(frame: bytes) -> Known | Refused:
    """The facts in a frame; raises msgspec.MsgspecError for any other frame."""
    return _first.decode(frame)


def last(frame: bytes) -> Answered | Refused:
    """The answers in a frame; raises msgspec.MsgspecError for any other frame."""
    return _last.decode(frame)


def by_question(
    asked: Sequence[View], parts: Sequence[tuple[PartNotChecked, ...]]
) -> Mapping[Question, tuple[PartNotChecked, ...]]:
    """The parts not checked of each question that has any."""
    return {view.question: part for view, part in zip(asked, parts, strict=True) if part}
