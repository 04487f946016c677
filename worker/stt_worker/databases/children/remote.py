"""What a worker and its child say to each other about one inspection: two frames each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from stt_shared.checkfile.model import Question
from stt_shared.protocol.messages import Facts, PartNotChecked
from stt_worker.databases.inspection import View
from stt_worker.databases.port import Endpoint, Failure, Limits

KEPT_VIEWS = 8  # lists of questions: few packs and kinds of server meet one child
CPU_S = 60  # of one inspection; a server of 10,000 objects takes 2


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """First, to the child: where to look. It holds the password, so it is never shown."""

    endpoint: Endpoint
    limits: Limits
    expected: Facts | None = None  # as they were last time
    views: bytes = b""  # what to ask a server of these facts, without waiting for the parent


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The server could not be inspected: a LookError."""

    failure: Failure


class Known(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Second, from the child: what the server is. Unless it was expected, views follow."""

    facts: Facts


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Last, from the child: per view its JSON or why there is none; parts per view alike."""

    answers: list[bytes | Failure]
    parts: list[tuple[PartNotChecked, ...]]


_encoder = msgspec.msgpack.Encoder()
_orders = msgspec.msgpack.Decoder(Order)
_views = msgspec.msgpack.Decoder(tuple[View, ...])
_questions = msgspec.msgpack.Decoder(tuple[Question, ...])
_first: msgspec.msgpack.Decoder[Known | Refused] = msgspec.msgpack.Decoder(Known | Refused)
_last: msgspec.msgpack.Decoder[Answered | Refused] = msgspec.msgpack.Decoder(Answered | Refused)


def encoded(message: Order | Refused | Known | Answered) -> bytes:
    """A message as a frame."""
    return _encoder.encode(message)


def encoded_views(views: Sequence[View]) -> bytes:
    """Views as a frame."""
    return _encoder.encode(tuple(views))


def encoded_questions(asked: Iterable[Question]) -> bytes:
    """What the checks at hand may ask, for `questions`."""
    return _encoder.encode(tuple(asked))


def questions(payload: bytes) -> tuple[Question, ...]:
    """What the checks at hand may ask."""
    return _questions.decode(payload)


def order(frame: bytes) -> Order:
    """What the child shall do."""
    return _orders.decode(frame)


@lru_cache(maxsize=KEPT_VIEWS)
def views(frame: bytes) -> tuple[View, ...]:
    """What the parent wants to know; the same objects for the same frame, whose hashes are kept."""
    return _views.decode(frame)


def first(frame: bytes) -> Known | Refused:
    """The facts; raises msgspec.MsgspecError for a frame that is none of ours."""
    return _first.decode(frame)


def last(frame: bytes) -> Answered | Refused:
    """The answers; raises msgspec.MsgspecError for a frame that is none of ours."""
    return _last.decode(frame)


def by_question(
    asked: Sequence[View], parts: Sequence[tuple[PartNotChecked, ...]]
) -> Mapping[Question, tuple[PartNotChecked, ...]]:
    """The parts not checked of each question that has some."""
    return {view.question: part for view, part in zip(asked, parts, strict=True) if part}
