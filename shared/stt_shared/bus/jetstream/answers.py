"""Send many requests concurrently and collect their answers on one inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nats.aio.msg import Msg

from stt_shared.bus.jetstream.link import Link, Wire
from stt_shared.errors import UnreachableError

LOOK_S = 0.25  # between two checks whether the connection is still the same
WINDOW = 512  # concurrent requests; more would only fill the buffers of the server


@dataclass(frozen=True, slots=True)
class Question:
    """A message that expects an answer."""

    subject: str
    data: bytes
    headers: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Round:
    answers: list[Msg | None]
    open: int
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, index: int, message: Msg) -> None:
        if self.answers[index] is None:
            self.answers[index] = message
            self.open -= 1
            if self.open <= 0:
                self.done.set()


class Answers:
    """One subscription for all answers; created at the first request."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._wire: Wire | None = None
        self._prefix = ""
        self._next = 0
        self._waiting: dict[str, tuple[_Round, int]] = {}
        self._opening = asyncio.Lock()

    async def ask(self, questions: Sequence[Question], wait_s: float) -> list[Msg | None]:
        """The answer or None for each question, in order; `wait_s` is the limit for each window.

        Raises UnreachableError if there is no connection before the first message.
        """
        # Without the lock two first callers would make two subscriptions, and lose answers.
        async with self._opening:
            if self._wire is None:
                self._prefix = self._link.client.new_inbox()
                self._wire = await self._link.wire(f"{self._prefix}.*", self._answered)
        answers: list[Msg | None] = []
        # In windows: all at once would only fill the buffers of the server.
        for start in range(0, len(questions), WINDOW):
            answers += await self._round(questions[start : start + WINDOW], wait_s)
        return answers

    async def _answered(self, message: Msg) -> None:
        round_, index = self._waiting.get(message.subject.rpartition(".")[2], (None, 0))
        if round_ is not None:
            round_.put(index, message)

    async def _round(self, questions: Sequence[Question], wait_s: float) -> list[Msg | None]:
        round_ = _Round([None] * len(questions), len(questions))
        tokens: list[str] = []
        try:
            for index, question in enumerate(questions):
                self._next += 1
                token = f"{self._next:x}"
                # Registered before it is sent: the answer may arrive before publish() returns.
                self._waiting[token] = (round_, index)
                tokens.append(token)
                await self._link.publish(
                    question.subject,
                    question.data,
                    reply=f"{self._prefix}.{token}",
                    headers=question.headers,
                )
            await self._wait(round_, wait_s)
        except (TimeoutError, UnreachableError):
            pass  # a question without an answer stays None
        finally:
            for token in tokens:
                # Also of those without an answer: a late one finds nobody, and nothing is kept of
                # it.
                self._waiting.pop(token, None)
        return round_.answers

    async def _wait(self, round_: _Round, wait_s: float) -> None:
        """Wait for the last answer, but not longer than the connection exists."""
        generation = self._link.generation
        async with asyncio.timeout(wait_s):
            while not round_.done.is_set() and generation == self._link.generation:
                try:
                    async with asyncio.timeout(LOOK_S):
                        await round_.done.wait()
                except TimeoutError:
                    continue
