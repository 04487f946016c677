"""What a MongoDB server may answer without harm: too much, too slowly, or lies of any kind."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bson
import pytest

from stt_shared.protocol.enums import Kind
from stt_worker.databases.children.pool import ChildInspector
from stt_worker.databases.inspection import View
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.mongodb.values import MAX_DEPTH
from stt_worker.databases.port import Answer, Endpoint, Failure, Inspection, InspectionError, Limits
from tests.hostile.mongodb.fake_mongodb import (
    BUILD,
    HEADER,
    HELLO,
    OP_MSG,
    Act,
    Raw,
    answering,
    faking,
    message,
    nested,
)
from tests.support.worker.database_subjects import command

LIMITS = Limits(connect_s=2, statement_s=1, client_s=1)
SLACK_S = 20.0
LOG = command('{"getLog": "startupWarnings"}')
HOST = command('{"hostInfo": 1}')
MIB = 1024 * 1024
CHUNK = 64 * 1024
LINE = 1_000  # characters of a reason
FUZZ = 300  # answers of which a few bytes were changed
HELLO_N, BUILD_N, LOG_N = 1, 2, 3  # commands are numbered from one


@pytest.fixture
async def database() -> AsyncIterator[MongodbDatabase]:
    made = MongodbDatabase()
    yield made
    await made.close()


async def inspect_at(
    database: MongodbDatabase, where: Endpoint, limits: Limits = LIMITS
) -> Inspection:
    return await database.inspect(where, lambda _: [LOG, HOST], limits)


async def answers(
    database: MongodbDatabase, act: Act, limits: Limits = LIMITS
) -> tuple[Answer, Answer]:
    """The answers to LOG and HOST."""
    async with faking(act, anonymous=True) as fake:
        found = await inspect_at(database, fake.endpoint, limits)
    return found.answers[LOG], found.answers[HOST]


def failed(answer: Answer, kind: Kind) -> str:
    assert isinstance(answer, Failure), answer
    assert answer.kind is kind, answer
    return answer.reason


@contextmanager
def little_memory(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def announced(number: int, length: int) -> Raw:
    return Raw([HEADER.pack(length, 1, number, OP_MSG), b"\0" * 100])


@pytest.mark.parametrize("length", [2**31 - 1, 48_000_100, 21, 16, 0, -1, -(2**31)])
async def test_a_length_that_cannot_be_is_refused_before_memory_is_taken(
    database: MongodbDatabase, length: int
) -> None:
    with little_memory(2 * MIB):
        first, second = await answers(database, answering(getLog=announced(LOG_N, length)))
    assert "bytes, the limit is" in failed(first, Kind.QUERY)
    assert first == second  # what follows on that connection means nothing
    async with faking(answering(hello=announced(HELLO_N, length)), anonymous=True) as fake:
        with pytest.raises(InspectionError) as caught:
            await inspect_at(database, fake.endpoint)
    assert caught.value.kind is Kind.UNREACHABLE


async def test_an_answer_above_the_limit_is_thrown_away_and_the_next_one_is_read(
    database: MongodbDatabase,
) -> None:
    big = message(LOG_N, {"log": ["x" * 1000] * 30_000, "ok": 1})  # 30 MB
    with little_memory(4 * MIB):
        pieces = (big[n : n + CHUNK] for n in range(0, len(big), CHUNK))
        first, second = await answers(database, answering(getLog=Raw(pieces)))
    assert "limit is" in failed(first, Kind.TOO_LARGE)
    assert second == [{"ok": 1}]


def packed(element: bytes, size: int) -> bytes:
    """A reply whose list is `element` again and again, up to `size` bytes."""
    inner = element * (size // len(element))
    rest = bson.encode({"ok": 1})[4:-1] + b"\x04a\x00"
    rest += (len(inner) + 5).to_bytes(4, "little") + inner + b"\0"
    return (len(rest) + 5).to_bytes(4, "little") + rest + b"\0"


@pytest.mark.parametrize("element", [b"\x0a\0", b"\x03\0\x05\0\0\0\0"])
async def test_an_answer_that_unfolds_to_more_memory_than_a_child_has_is_too_large(
    element: bytes,
) -> None:
    inspector = ChildInspector(1, keep=1)
    bomb = Raw([message(LOG_N, packed(element, 8 * MIB - CHUNK))])
    views = [View(question=LOG), View(question=HOST)]
    try:
        async with faking(answering(getLog=bomb), anonymous=True) as fake:
            found = await inspector.inspect(fake.endpoint, lambda _: views, Limits())
    finally:
        await inspector.close()
    first, second = (found.answers[view] for view in views)
    assert isinstance(first, Failure)
    assert first.kind is Kind.TOO_LARGE
    assert second == b'[{"ok":1}]'


async def test_an_answer_without_end_ends_at_its_time(database: MongodbDatabase) -> None:
    def endless() -> Iterator[bytes]:
        yield HEADER.pack(47_000_000, 1, LOG_N, OP_MSG)
        while True:
            yield b"\0"

    started = time.monotonic()
    first, second = await answers(database, answering(getLog=Raw(endless(), pause_s=0.01)))
    assert time.monotonic() - started < LIMITS.client_s + SLACK_S
    assert "cut" in failed(first, Kind.TIMEOUT)
    assert second == first


@pytest.mark.parametrize("name", ["hello", "buildInfo", "getLog"])
async def test_a_trickled_answer_costs_no_more_than_its_time(
    database: MongodbDatabase, name: str
) -> None:
    number = {"hello": HELLO_N, "buildInfo": BUILD_N, "getLog": LOG_N}[name]
    whole = message(number, HELLO | BUILD)
    slow = Raw((whole[n : n + 1] for n in range(len(whole))), pause_s=0.5)
    started = time.monotonic()
    async with faking(answering(**{name: slow}), anonymous=True) as fake:
        try:
            found = (await inspect_at(database, fake.endpoint)).answers[LOG]
        except InspectionError as error:
            found = Failure(kind=error.kind, reason=error.reason)
    assert time.monotonic() - started < LIMITS.connect_s + LIMITS.client_s + SLACK_S
    assert isinstance(found, Failure)
    assert found.kind is (Kind.UNREACHABLE if name == "hello" else Kind.TIMEOUT)


@pytest.mark.parametrize("name", ["hello", "buildInfo", "getLog"])
async def test_a_server_that_closes_instead_of_answering_is_unreachable(
    database: MongodbDatabase, name: str
) -> None:
    async with faking(answering(**{name: None}), anonymous=True) as fake:
        try:
            found = (await inspect_at(database, fake.endpoint)).answers[LOG]
        except InspectionError as error:
            found = Failure(kind=error.kind, reason=error.reason)
    assert "closed the connection" in failed(found, Kind.UNREACHABLE)


@pytest.mark.parametrize(
    "wrong",
    [
        message(LOG_N + 1, {"ok": 1}),  # the reply to another command
        message(LOG_N, {"ok": 1}, flags=2),  # more to come
        message(LOG_N, {"ok": 1}, flags=1) + b"\0\0\0\0",  # a checksum
        message(LOG_N, b""),
        message(LOG_N, b"\x05\x00\x00\x00\x01"),
        message(LOG_N, b"\xff\xff\xff\x7f\x00"),
        message(LOG_N, bson.encode({"ok": 1})[:-1]),
        message(LOG_N, b"\x10\x00\x00\x00\x02a\x00\xff\xff\xff\x7fxxx\x00\x00"),
        HEADER.pack(16, 1, LOG_N, 1),  # OP_REPLY of servers long gone
        HEADER.pack(16 + 6, 1, LOG_N, 2012) + b"\0" * 6,  # compressed, which was not asked for
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
async def test_a_message_that_is_none_ends_the_connection_with_a_reason(
    database: MongodbDatabase, wrong: bytes
) -> None:
    first, _ = await answers(database, answering(getLog=Raw([wrong])))
    assert failed(first, Kind.QUERY)


@pytest.mark.parametrize("depth", [MAX_DEPTH, 1_000, 50_000])
async def test_documents_nested_beyond_reason_are_a_failure(
    database: MongodbDatabase, depth: int
) -> None:
    body = bson.encode({"ok": 1})[4:-1] + b"\x03deep\x00" + nested(depth)
    whole = (len(body) + 5).to_bytes(4, "little") + body + b"\0"
    first, _ = await answers(database, answering(getLog=Raw([message(LOG_N, whole)])))
    assert "malformed answer" in failed(first, Kind.QUERY)


async def test_documents_nested_as_deep_as_the_server_allows_are_an_answer(
    database: MongodbDatabase,
) -> None:
    deep: dict[str, Any] = bson.decode(nested(MAX_DEPTH - 2))
    first, _ = await answers(database, answering(getLog={"deep": deep, "ok": 1}))
    assert isinstance(first, list)


ODD: list[Any] = [None, True, -1, 2**63 - 1, 1.5, "", "x" * 10_000, "9" * 5_000, b"\0", [], [[]]]
ODD += [
    {},
    {"a": {}},
    bson.Decimal128("NaN"),
    bson.Regex("("),
    bson.ObjectId(b"0123456789ab"),
    bson.MaxKey(),
]
ODD += [bson.Code("x", {"y": 1}), bson.Timestamp(2**32 - 1, 0), bson.DatetimeMS(2**63 - 1)]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
async def test_a_field_of_another_type_is_no_crash(database: MongodbDatabase, odd: Any) -> None:
    fields = ("setName", "me", "hosts", "arbiterOnly", "maxWireVersion", "msg", "ok")
    odds = ("version", "versionArray", "psmdbVersion", "_t", "ok")
    acts = [answering(hello=HELLO | {name: odd}) for name in fields]
    acts += [answering(buildInfo=BUILD | {name: odd}) for name in odds]
    acts += [answering(buildInfo=BUILD | {"versionArray": [odd] * 4})]
    acts += [answering(buildInfo={"ok": 0, "errmsg": odd, "code": odd, "codeName": odd})]
    acts += [answering(getLog={"a": odd, "ok": 1})]
    for act in acts:
        await no_crash(database, act)


async def no_crash(database: MongodbDatabase, act: Act) -> None:
    """Answers or reasons come back, each reason short enough to be shown."""
    async with faking(act, anonymous=True) as fake:
        try:
            found = list((await inspect_at(database, fake.endpoint)).answers.values())
        except InspectionError as error:
            found = [Failure(kind=error.kind, reason=error.reason)]
    for one in found:
        assert not isinstance(one, Failure) or 0 < len(one.reason) < LINE


async def test_bytes_changed_anywhere_are_an_answer_or_a_reason(database: MongodbDatabase) -> None:
    chance = random.Random(20261129)  # noqa: S311  # the same every time
    document = {
        "a": [1, 2.5, None, {"b": "text"}],
        "c": b"bytes",
        "d": bson.ObjectId(b"0123456789ab"),
        "ok": 1,
    }
    numbers: dict[str, int] = {"hello": HELLO_N, "buildInfo": BUILD_N, "getLog": LOG_N}
    for _ in range(FUZZ):
        name = chance.choice(list(numbers))
        body = bytearray(message(numbers[name], HELLO | BUILD | document))
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        # A length that grew would have us wait for what never comes: the fake closes then.
        await no_crash(database, once(name, bytes(body)))


def once(name: str, body: bytes) -> Act:
    honest: Callable[[dict[str, Any]], Any] = answering()

    def act(asked: dict[str, Any]) -> Any:
        if "hostInfo" in asked:
            return None
        return Raw([body]) if name in asked else honest(asked)

    return act
