"""Storing messages in streams: one receipt each, whatever the server answers or does not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from nats.aio.msg import Msg

from stt_shared.bus.jetstream.answers import Answers, Question
from stt_shared.bus.port import Outgoing, Publication, Receipt
from stt_shared.errors import UnreachableError

PUBLISH_S = 5.0
HEADER_ID = "Nats-Msg-Id"
HEADER_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
STORE_FAILED = 10077  # several refusals share this code; only their text tells them apart
PER_SUBJECT = "maximum messages per subject exceeded"
NO_RESPONDERS = "503"


class _Problem(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _Problem | None = None


_ACK = msgspec.json.Decoder(_Ack)


async def publish(answers: Answers, messages: Sequence[Outgoing]) -> list[Receipt]:
    """Store `messages`, many under way at once; never raises for want of a connection."""
    questions = [Question(m.subject, m.data, _headers(m)) for m in messages]
    try:
        replies = await answers.ask(questions, PUBLISH_S)
    except UnreachableError as error:
        return [Receipt(publication=Publication.FAILED, reason=error.message)] * len(messages)
    return [_receipt(reply) for reply in replies]


def _headers(message: Outgoing) -> dict[str, str]:
    headers = dict(message.headers)
    if message.message_id:
        headers[HEADER_ID] = message.message_id
    if message.expected_last is not None:
        headers[HEADER_EXPECTED] = str(message.expected_last)
    return headers


def _receipt(reply: Msg | None) -> Receipt:
    if reply is None:
        return _failed(f"no acknowledgement within {PUBLISH_S:g} s")
    if (reply.headers or {}).get("Status") == NO_RESPONDERS:
        return _failed("no stream takes this subject, or JetStream is not ready")
    try:
        ack = _ACK.decode(reply.data)
    except msgspec.DecodeError as error:
        return _failed(f"not an acknowledgement: {error}")
    if ack.error is not None:
        return _refused(ack.error)
    kind = Publication.DUPLICATE if ack.duplicate else Publication.STORED
    return Receipt(publication=kind, sequence=ack.seq)


def _refused(problem: _Problem) -> Receipt:
    if problem.err_code in WRONG_LAST_SEQUENCE:
        return Receipt(publication=Publication.CONFLICT, reason=problem.description)
    if problem.err_code == STORE_FAILED and PER_SUBJECT in problem.description:
        return Receipt(publication=Publication.OCCUPIED, reason=problem.description)
    return _failed(f"{problem.description} ({problem.err_code or problem.code})")


def _failed(reason: str) -> Receipt:
    return Receipt(publication=Publication.FAILED, reason=reason)
