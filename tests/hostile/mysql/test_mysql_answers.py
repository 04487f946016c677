"""Whatever a MySQL server sends for an answer, it costs its time-out and gives no verdict."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import pytest

from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.mysql.pins import pinned
from stt_worker.databases.port import Answer, Endpoint, Failure, Limits, Tls
from tests.hostile.mysql.fake_mysql import EOF, OK, Peer, column, error, fake_mysql, open_session

LIMITS = Limits(connect_s=5, statement_s=1, client_s=2, rows=100, bytes=100_000)
KEPT = pinned("mysql", (9, 7, 4), LIMITS.statement_s).kept
PACKET_BYTES = 2**24 - 1  # the largest; an answer that is larger comes in several
QUESTIONS = tuple(Question(type=QueryType.MYSQL_SELECT, text=f"{n} AS n") for n in (1, 2))


@pytest.fixture
async def database() -> AsyncIterator[MysqlDatabase]:
    made = MysqlDatabase(1)
    yield made
    await made.close()


async def answers(database: MysqlDatabase, reply: Callable[[Peer], None]) -> list[Answer]:
    """What becomes of two questions that are sent at once."""

    def talk(peer: Peer) -> None:
        open_session(peer, KEPT)
        peer.hear()
        reply(peer)
        silence(peer)  # closing at once would discard what was sent

    with fake_mysql(talk) as fake:
        where = Endpoint(family=Family.MYSQL, port=fake.port, user="u", tls=Tls(mode="off"))
        inspection = await database.inspect(where, lambda _: QUESTIONS, LIMITS)
    return [inspection.answers[question] for question in QUESTIONS]


def begin_rows(peer: Peer, *, status: bytes = EOF) -> None:
    peer.say(b"\x01")
    peer.say(column("n"))
    peer.say(status)


def endless_rows(peer: Peer) -> None:
    begin_rows(peer)
    while True:
        peer.say(b"\x01x")


def endless_columns(peer: Peer) -> None:
    peer.say(b"\xfd\xff\xff\xff")
    while True:
        peer.say(column("n"))


def a_row_of_900_mb(peer: Peer) -> None:
    begin_rows(peer)
    for _ in range(54):
        peer.say(b"x" * PACKET_BYTES)


def a_length_that_is_a_lie(peer: Peer) -> None:
    begin_rows(peer)
    peer.say(b"\x01x", length=PACKET_BYTES)


def a_value_longer_than_its_row(peer: Peer) -> None:
    begin_rows(peer)
    peer.say(b"\xfe" + b"\xff" * 8)


def trickle(peer: Peer) -> None:
    begin_rows(peer)
    while True:
        peer.socket.sendall(b"\x01")
        time.sleep(0.05)


def silence(peer: Peer) -> None:
    while peer.hear():
        pass


def hang_up(peer: Peer) -> None:
    peer.socket.close()
    raise ConnectionResetError


def a_wrong_number(peer: Peer) -> None:
    peer.number = 77
    peer.say(b"\x01")


def fewer_values_than_columns(peer: Peer) -> None:
    peer.say(b"\x02")
    peer.say(column("n"))
    peer.say(column("m"))
    peer.say(EOF)
    peer.say(b"\x01x")
    peer.say(EOF)


def an_error_without_words(peer: Peer) -> None:
    peer.say(b"\xff")


def rows_outside_of_the_transaction(peer: Peer) -> None:
    begin_rows(peer)
    peer.say(b"\xfe\x00\x00\x02\x00")


def no_rows_at_all(peer: Peer) -> None:
    peer.say(OK)


def a_file_is_asked_for(peer: Peer) -> None:
    peer.say(b"\xfb/etc/hostname")


@pytest.mark.parametrize(
    ("reply", "kinds"),
    [
        (endless_rows, {Kind.TOO_LARGE}),
        (endless_columns, {Kind.TOO_LARGE}),
        (a_row_of_900_mb, {Kind.TOO_LARGE}),
        (a_length_that_is_a_lie, {Kind.TOO_LARGE}),
        (a_value_longer_than_its_row, {Kind.QUERY}),
        (trickle, {Kind.TIMEOUT, Kind.UNREACHABLE}),
        (silence, {Kind.TIMEOUT}),
        (hang_up, {Kind.UNREACHABLE}),
        (a_wrong_number, {Kind.QUERY, Kind.UNREACHABLE}),
        (fewer_values_than_columns, {Kind.QUERY}),
        (an_error_without_words, {Kind.QUERY, Kind.UNREACHABLE}),
        (rows_outside_of_the_transaction, {Kind.SESSION}),
        (no_rows_at_all, {Kind.SESSION}),
        (a_file_is_asked_for, {Kind.QUERY, Kind.UNREACHABLE}),
    ],
)
async def test_a_malformed_answer_is_a_failure_within_the_time_limit(
    database: MysqlDatabase, reply: Callable[[Peer], None], kinds: set[Kind]
) -> None:
    begun = time.monotonic()
    found = await answers(database, reply)
    took = time.monotonic() - begun
    assert all(isinstance(one, Failure) for one in found), found
    assert isinstance(found[0], Failure)
    assert found[0].kind in kinds, found
    assert took < (LIMITS.connect_s + LIMITS.client_s) * (1 + len(QUESTIONS))


async def test_an_error_of_the_server_leaves_the_next_answer_its_own(
    database: MysqlDatabase,
) -> None:
    def reply(peer: Peer) -> None:
        peer.say(error(1142, "denied"))
        peer.hear()
        begin_rows(peer)
        peer.say(b"\x01x")
        peer.say(EOF)

    found = await answers(database, reply)
    assert found == [
        Failure(kind=Kind.NO_PRIVILEGE, reason="denied (error 1142)"),
        [{"n": "x"}],
    ]
