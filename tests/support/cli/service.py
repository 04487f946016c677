"""A coordinator's control service in the test's own process, answering with real messages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from stt_shared.bus.values import LiveMessage
from stt_shared.errors import UnreachableError
from stt_shared.protocol.codec import decode, encode
from stt_shared.protocol.control import Verb
from stt_shared.protocol.messages import Value
from stt_shared.protocol.subjects import control

R = TypeVar("R", bound=Value)
Reply = Value | Exception
Stt = Callable[..., tuple[int, str, list[str]]]  # the words; exit code, stdout, lines of stderr


class Service:
    """The part of a bus that commands use; a request nobody answers is unreachable."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[bytes], bytes]] = {}
        self.asked: list[bytes] = []
        self.timeouts: list[float] = []  # of the requests, in seconds
        self.events: list[bytes] = []
        self.closed = False

    def answer(self, verb: Verb, *replies: Reply) -> None:
        """Answer a verb with each of `replies` in turn, the last one for ever."""
        left = list(replies)
        self.answers[control(verb)] = lambda _: encoded_reply(
            left.pop(0) if len(left) > 1 else left[0]
        )

    def compute(self, verb: Verb, request: type[R], function: Callable[[R], Reply]) -> None:
        """Answer a verb by a function of the request."""
        self.answers[control(verb)] = lambda data: encoded_reply(function(decode(request, data)))

    async def request(self, subject: str, data: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109
        assert timeout > 0
        self.asked.append(data)
        self.timeouts.append(timeout)
        if subject not in self.answers:
            raise UnreachableError("no responders")
        return self.answers[subject](data)

    def refused(self) -> tuple[str, ...]:
        return ()

    @asynccontextmanager
    async def listen(self, subject: str) -> AsyncGenerator[AsyncIterator[LiveMessage]]:
        async def heard() -> AsyncGenerator[LiveMessage]:
            for data in self.events:
                yield LiveMessage(subject=subject, data=data)

        yield heard()

    async def close(self) -> None:
        self.closed = True


def encoded_reply(reply: Reply) -> bytes:
    if isinstance(reply, Exception):
        raise reply
    return encode(reply)
