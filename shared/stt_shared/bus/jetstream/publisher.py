"""Store messages in streams: one receipt for each message, with or without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
from nats.aio.msg import Msg

from stt_shared import clock
from stt_shared.bus.jetstream.answers import Answers, Question
from stt_shared.bus.jetstream.link import Link
from stt_shared.bus.jetstream.streams import BATCH_SERVER, keeps_refused
from stt_shared.bus.values import Outgoing, Publication, Receipt
from stt_shared.errors import UnreachableError
from stt_shared.protocol.codec import UNDECODABLE
from stt_shared.protocol.subjects import atomic_stream

PUBLISH_S = 5.0
HEADER_ID = "Nats-Msg-Id"
HEADER_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
HEADER_EXPECTED_OF = "Nats-Expected-Last-Subject-Sequence-Subject"
WRONG_LAST_SEQUENCE = 10071
# A stream with replicas refuses a message that expects a sequence while another one that expects
# the same is on its way to the replicas. It says nothing about the sequence itself.
CONTENDED = 10164
CONTENDED_PAUSE_S = 0.005
# The id of the message is that of one on its way to the replicas. A leader before 2.12 also answers
# this for the whole duplicate window if it has refused a message with that id. The leader of the
# stream counts, not the server of this connection: in a rolling upgrade they differ.
IN_PROCESS = 10158
IN_PROCESS_S = 2.0  # after which a message that really was on its way is stored
OTHER_IDS = 9  # of a message: each epoch that was deposed while it sent it has used one up
STORE_FAILED = 10077  # several rejections share this code; only their text differs
PER_SUBJECT = "maximum messages per subject exceeded"
NO_RESPONDERS = "503"
BATCH_ID = "Nats-Batch-Id"
BATCH_PLACE = "Nats-Batch-Sequence"
BATCH_END = "Nats-Batch-Commit"
HEADER_EXTRA = 4  # bytes of a header beside its name and value: colon, space, line end
PREAMBLE = 16  # bytes of the first and last line of headers
SMALLEST_BATCH = 2
LARGEST_BATCH = 500  # the server accepts 1,000


class _Problem(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _Problem | None = None
    batch: str = ""  # what was stored as a batch, and how many messages it had
    count: int = 0


_ACK = msgspec.json.Decoder(_Ack)


async def publish(link: Link, answers: Answers, messages: Sequence[Outgoing]) -> list[Receipt]:
    """Store `messages` concurrently; never raises, also without a connection."""
    receipts: dict[int, Receipt] = {}
    for batch in _batches(link, messages):
        receipts |= await _publish_atomically(link, answers, batch)
    # What no batch has stored, one by one: a rejected message takes its whole batch with it.
    rest = [index for index in range(len(messages)) if index not in receipts]
    too_large = {index: _too_large(link, messages[index]) for index in rest}
    receipts |= {index: receipt for index, receipt in too_large.items() if receipt is not None}
    rest = [index for index in rest if index not in receipts]
    singly = await _publish_singly(link, answers, [messages[index] for index in rest])
    receipts |= dict(zip(rest, singly, strict=True))
    return [receipts[index] for index in range(len(messages))]


def _too_large(link: Link, message: Outgoing) -> Receipt | None:
    """The receipt of a message that the server would end the connection for; None for others."""
    # Here, not at the client's own check: its exception would keep the messages behind it unsent.
    headers = sum(
        len(name) + len(value) + HEADER_EXTRA for name, value in _headers(message).items()
    )
    size = len(message.data) + headers + PREAMBLE
    try:
        limit = link.client.max_payload
    except UnreachableError:
        return None  # without a connection nothing is sent
    if size <= limit:
        return None
    reason = f"the message has {size} bytes, the limit of the server is {limit}"
    return Receipt(publication=Publication.FAILED, reason=reason, limit=limit)


async def _publish_singly(
    link: Link, answers: Answers, messages: Sequence[Outgoing]
) -> list[Receipt]:
    questions = [_question(link, message) for message in messages]
    in_turn = {at for at, m in enumerate(messages) if m.expected_of and link.is_clustered}
    together = [at for at in range(len(messages)) if at not in in_turn]
    try:
        found = await answers.ask([questions[at] for at in together], PUBLISH_S)
        replies = dict(zip(together, found, strict=True))
        # The server here may be no cluster and that of the stream one, behind a leaf node.
        in_turn |= {at for at in together if _is_contended(replies[at])}
        ordered = sorted(in_turn)
        found = await _ask_in_turn(answers, [questions[at] for at in ordered])
        replies |= dict(zip(ordered, found, strict=True))
        replies |= await _ask_blocked(link, answers, messages, replies)
    except UnreachableError as error:
        return [_failed(error.message)] * len(messages)
    return [_receipt(replies[at]) for at in range(len(messages))]


async def _ask_blocked(
    link: Link, answers: Answers, messages: Sequence[Outgoing], replies: Mapping[int, Msg | None]
) -> dict[int, Msg | None]:
    """The replies to messages whose id is on its way, or is kept although it was refused."""
    blocked = [at for at, m in enumerate(messages) if m.expected_of and _is_blocked(replies[at])]
    if not blocked:
        return {}
    await asyncio.sleep(IN_PROCESS_S)
    keeps = {stream: await keeps_refused(link, stream) for stream in _streams(replies, blocked)}
    found: dict[int, Msg | None] = {}
    # First under the same id: sent under another, a message that was on its way is stored twice.
    # Then in each call under the same other ids in turn, so that a lost answer doubles nothing. The
    # fence is not part of them: behind a later one, what an earlier one has stored is a duplicate.
    for suffix in ("", *(f"~{number}" for number in range(1, OTHER_IDS + 1))):
        asked = [_question(link, messages[at], suffix) for at in blocked]
        answered = await _ask_in_turn(answers, asked)
        found |= dict(zip(blocked, answered, strict=True))
        # Under another id only where its leader would refuse this one for hours.
        blocked = [
            at for at in blocked if _is_blocked(found[at]) and keeps.get(_ack(found[at]).stream)
        ]
    return found


def _streams(replies: Mapping[int, Msg | None], blocked: Sequence[int]) -> set[str]:
    return {_ack(replies[at]).stream for at in blocked}


def _question(link: Link, message: Outgoing, suffix: str = "") -> Question:
    if suffix:
        message = replace(message, message_id=f"{message.message_id}{suffix}")
    return Question(link.options.own(message.subject), message.data, _headers(message))


async def _ask_in_turn(answers: Answers, questions: Sequence[Question]) -> list[Msg | None]:
    """The replies to messages of which each is sent when the one before it is answered."""
    replies: list[Msg | None] = []
    for question in questions:
        until = clock.monotonic() + PUBLISH_S
        (reply,) = await answers.ask([question], PUBLISH_S)
        while _is_contended(reply) and clock.monotonic() < until:
            await asyncio.sleep(CONTENDED_PAUSE_S)
            (reply,) = await answers.ask([question], PUBLISH_S)
        replies.append(reply)
        if reply is None:  # the others would wait as long, each in its turn
            break
    return replies + [None] * (len(questions) - len(replies))


def _is_contended(reply: Msg | None) -> bool:
    return _error_code(reply) == CONTENDED


def _is_blocked(reply: Msg | None) -> bool:
    return _error_code(reply) == IN_PROCESS


def _error_code(reply: Msg | None) -> int:
    error = _ack(reply).error
    return error.err_code if error is not None else 0


def _ack(reply: Msg | None) -> _Ack:
    """The server's answer; an empty one where there is none, or it cannot be read."""
    try:
        return _ACK.decode(reply.data) if reply is not None else _Ack()
    except UNDECODABLE:
        return _Ack()


Batch = list[tuple[int, Outgoing]]


def _batches(link: Link, messages: Sequence[Outgoing]) -> list[Batch]:
    """The batches that are stored with one disk sync each; messages with their positions."""
    if len(messages) < SMALLEST_BATCH or not link.is_at_least(BATCH_SERVER):
        return []
    streams: dict[str, Batch] = {}
    for index, message in enumerate(messages):
        stream = atomic_stream(message.subject)
        # A batch may not expect a last sequence of a subject that it writes itself.
        if stream and (message.expected_last is None or message.expected_of):
            streams.setdefault(stream, []).append((index, message))
    return [
        part[start : start + LARGEST_BATCH]
        for part in streams.values()
        for start in range(0, len(part), LARGEST_BATCH)
    ]


async def _publish_atomically(link: Link, answers: Answers, batch: Batch) -> dict[int, Receipt]:
    """The receipts of a stored batch, or nothing: then each message is sent on its own.

    The message ids stay the same, so that a batch that was stored in spite of a lost answer causes
    no duplicates. One rejected message (occupied subject, known id) rejects the whole batch.
    """
    name = link.client.new_inbox().rpartition(".")[2]
    try:
        for place, (_, message) in enumerate(batch[:-1], start=1):
            headers = _headers(message) | {BATCH_ID: name, BATCH_PLACE: str(place)}
            await link.publish(message.subject, message.data, headers=headers)
        last = batch[-1][1]
        headers = _headers(last) | {BATCH_ID: name, BATCH_PLACE: str(len(batch)), BATCH_END: "1"}
        (reply,) = await answers.ask([Question(last.subject, last.data, headers)], PUBLISH_S)
    except UnreachableError:
        return {}
    receipt, ack = _receipt(reply), _ack(reply)
    # For any reason: the receipts of single messages say which of them was rejected. A leader
    # before 2.12 knows no batches: it stores or rejects each, and answers for the last alone.
    is_batch = (ack.batch, ack.count) == (name, len(batch))
    if receipt.publication is not Publication.STORED or not is_batch:
        return {}
    first = receipt.sequence - len(batch) + 1
    return {
        index: Receipt(publication=Publication.STORED, sequence=first + place)
        for place, (index, _) in enumerate(batch)
    }


def _headers(message: Outgoing) -> dict[str, str]:
    headers = dict(message.headers)
    if message.message_id:
        headers[HEADER_ID] = message.message_id
    if message.expected_last is not None:
        headers[HEADER_EXPECTED] = str(message.expected_last)
        if message.expected_of:
            headers[HEADER_EXPECTED_OF] = message.expected_of
    return headers


def _receipt(reply: Msg | None) -> Receipt:
    if reply is None:
        return _failed(f"no acknowledgement within {PUBLISH_S:g} s")
    if (reply.headers or {}).get("Status") == NO_RESPONDERS:
        return _failed("no stream for this subject, or JetStream is not ready")
    try:
        ack = _ACK.decode(reply.data)
    except UNDECODABLE as error:
        return _failed(f"not an acknowledgement: {error}")
    if ack.error is not None:
        return _refused(ack.error)
    kind = Publication.DUPLICATE if ack.duplicate else Publication.STORED
    return Receipt(publication=kind, sequence=ack.seq)


def _refused(problem: _Problem) -> Receipt:
    if problem.err_code == WRONG_LAST_SEQUENCE:
        return Receipt(publication=Publication.CONFLICT, reason=problem.description)
    if problem.err_code == STORE_FAILED and PER_SUBJECT in problem.description:
        return Receipt(publication=Publication.OCCUPIED, reason=problem.description)
    return _failed(f"{problem.description} ({problem.err_code or problem.code})")


def _failed(reason: str) -> Receipt:
    return Receipt(publication=Publication.FAILED, reason=reason)
