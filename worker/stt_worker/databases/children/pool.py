"""Inspects servers in child processes, so that a malicious server harms only its own child."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import msgspec

from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import Facts, PartNotChecked
from stt_worker.databases.children import remote
from stt_worker.databases.children.priority import lowered_when_busy
from stt_worker.databases.inspection import ChooseViews, EncodedInspection, View
from stt_worker.databases.network import where
from stt_worker.databases.port import Endpoint, Failure, InspectionError, Limits
from stt_worker.processes.child import Bounds, Child, SpawnError, reason
from stt_worker.processes.fork_server import EXIT_MEMORY
from stt_worker.processes.frames import FrameError
from stt_worker.processes.pool import Pool
from stt_worker.processes.spawner import Spawner

ENTRY = "stt_worker.databases.children.child:serve"
PREPARE = "stt_worker.databases.children.child:prepare"
PRELOAD = ("stt_worker.databases.children.child",)
# Of address space, above the child's initial size: three children that use all of it, beside
# children that wait for silent servers, stay within 128 MiB.
MEMORY_BYTES = 40 * 1024 * 1024
FACTS_STATEMENTS = 4  # at most, until the facts are known
FRUGAL = 8  # divisor of the limit on bytes when an inspection is repeated for lack of memory
GRACE_S = 3.0  # for a child to report its own time-out first
KEPT_VIEWS = 64  # encoded lists of questions: one per pack and type of server
MAX_SERVERS = 10_000  # remembered
BIG = f"an answer needs more than the {MEMORY_BYTES // 2**20} MiB that an inspection may hold"

Message = TypeVar("Message")
Remembered = TypeVar("Remembered")


class ChildInspector:
    """Inspects servers of every family; at most `size` at once; `keep` idle children stay.

    `known` are questions that will be asked; they are checked once, before children are forked.
    The child of a failed or cancelled inspection is killed at once.
    """

    def __init__(
        self,
        size: int,
        keep: int,
        known: Iterable[Question] = (),
        preload: Sequence[str] = (),
    ) -> None:
        payload = remote.encoded_questions(dict.fromkeys(known))
        self._spawner = Spawner((*PRELOAD, *preload), PREPARE, payload)
        bounds = Bounds(memory_bytes=MEMORY_BYTES)
        self._pool = Pool(self._spawner, ENTRY, size=size, keep=keep, bounds=bounds)
        self._encoded: dict[tuple[View, ...], bytes] = {}
        self._costly: dict[str, None] = {}
        self._facts: dict[str, Facts] = {}

    async def inspect(
        self, endpoint: Endpoint, choose: ChooseViews, limits: Limits
    ) -> EncodedInspection:
        """See the port."""
        found, starved = await self._once(endpoint, choose, limits)
        if starved:
            # Once more with less: one large answer must not cost the small answers as well.
            frugal = replace(limits, bytes=limits.bytes // FRUGAL)
            found, _ = await self._once(endpoint, choose, frugal)
        return found

    async def _once(
        self, endpoint: Endpoint, choose: ChooseViews, limits: Limits
    ) -> tuple[EncodedInspection, bool]:
        """The inspection by one child, and whether the child ran out of memory."""
        name = f"{endpoint.family} {where(endpoint)}"
        costly = True
        try:
            async with self._pool.child() as child:
                # A server that took much CPU last time gets a low priority from the start.
                with lowered_when_busy(child, at_once=name in self._costly) as watch:
                    expected = self._facts.get(name)
                    found, starved = await self._exchange(child, endpoint, choose, limits, expected)
                    _remember(self._facts, name, found.facts)
                    costly = watch.busy or any(
                        isinstance(answer, Failure)
                        and answer.kind in (Kind.TIMEOUT, Kind.TOO_LARGE)
                        for answer in found.answers.values()
                    )
                    return found, starved
        except SpawnError as error:
            raise InspectionError(Kind.QUERY, f"this worker cannot inspect: {error}") from error
        finally:
            self._costly.pop(name, None)
            if costly:
                _remember(self._costly, name, None)

    async def _exchange(
        self,
        child: Child,
        endpoint: Endpoint,
        choose: ChooseViews,
        limits: Limits,
        expected: Facts | None,
    ) -> tuple[EncodedInspection, bool]:
        """Send the order, receive facts and answers; whether the child ran out of memory."""
        # Sent with the order: if the facts are as expected, this saves a round trip to the child.
        asked = tuple(dict.fromkeys(choose(expected))) if expected else ()
        order = remote.Order(
            endpoint=endpoint, limits=limits, expected=expected, views=self._frame(asked)
        )
        # Until the facts are there: nobody knows yet how many questions follow.
        seconds = limits.connect_s + FACTS_STATEMENTS * limits.client_s + GRACE_S
        async with _bounded(child, where(endpoint), limits, seconds):
            await child.send(remote.encoded(order))
            known = _unless_refused(remote.first(await child.receive()))
        waits = known.facts != expected
        if waits:
            asked = tuple(dict.fromkeys(choose(known.facts)))
        # Two log-ins: a question may be asked again over a second connection.
        seconds = (limits.connect_s + limits.client_s) * (2 + len(asked)) + GRACE_S
        answers: Sequence[bytes | Failure]
        parts: Sequence[tuple[PartNotChecked, ...]] = [()] * len(asked)
        starved = False
        try:
            async with _bounded(child, where(endpoint), limits, seconds):
                if waits:
                    await child.send(self._frame(asked))
                answered = _unless_refused(remote.last(await child.receive()))
            answers, parts = answered.answers, answered.parts
        except _ChildLostError as error:
            # The facts are known; every question gets this failure.
            answers = [Failure(kind=error.kind, reason=error.reason)] * len(asked)
            starved = error.starved
        found = EncodedInspection(
            facts=known.facts,
            answers=dict(zip(asked, answers, strict=True)),
            parts=remote.by_question(asked, parts),
        )
        return found, starved

    def _frame(self, asked: tuple[View, ...]) -> bytes:
        frame = self._encoded.get(asked)
        if frame is None:
            if len(self._encoded) >= KEPT_VIEWS:
                self._encoded.clear()
            frame = self._encoded[asked] = remote.encoded_views(asked)
        return frame

    async def close(self) -> None:
        """See the port."""
        await self._pool.close()
        await self._spawner.close()


class _ChildLostError(InspectionError):
    """The child was killed or has ended; `starved`: it ran out of memory."""

    def __init__(self, kind: Kind, why: str, *, starved: bool = False) -> None:
        super().__init__(kind, why)
        self.starved = starved


@asynccontextmanager
async def _bounded(
    child: Child, server: str, limits: Limits, seconds: float
) -> AsyncGenerator[None]:
    """Run the block within `seconds`; raises _ChildLostError."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        why = f"{server}: not inspected within {seconds:g} s, its process was killed"
        raise _ChildLostError(Kind.TIMEOUT, why) from None
    except (FrameError, msgspec.MsgspecError) as error:
        status = await child.end()
        kind, why = Kind.QUERY, f"its process has ended: {reason(status)}"
        # SIGSEGV too: C libraries may crash when an allocation fails.
        starved = status in {EXIT_MEMORY, -signal.SIGSEGV}
        if starved:
            kind, why = Kind.TOO_LARGE, BIG
        elif status == -signal.SIGALRM:
            kind = Kind.TIMEOUT
            why = f"no answer within {limits.connect_s:g} s: its data keeps the driver busy"
        elif status == -signal.SIGXCPU:
            kind, why = Kind.TIMEOUT, f"its data takes more than {remote.CPU_S} s of CPU time"
        raise _ChildLostError(kind, f"{server}: {why}", starved=starved) from error


def _remember(known: dict[str, Remembered], name: str, value: Remembered) -> None:
    """Add `value` as the newest of at most MAX_SERVERS."""
    known.pop(name, None)
    known[name] = value
    if len(known) > MAX_SERVERS:
        del known[next(iter(known))]


def _unless_refused(message: Message | remote.Refused) -> Message:
    """`message`; raises the InspectionError that the child reported instead."""
    if isinstance(message, remote.Refused):
        raise InspectionError(message.failure.kind, message.failure.reason)
    return message
