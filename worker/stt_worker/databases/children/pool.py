"""Inspects servers in kept child processes, so that no server costs more than its own child."""

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
from stt_worker.processes.child import Bounds, Child, NurseryError, reason
from stt_worker.processes.frames import FrameError
from stt_worker.processes.nursery import Nursery
from stt_worker.processes.pool import Pool
from stt_worker.processes.zygote import EXIT_MEMORY

ENTRY = "stt_worker.databases.children.child:serve"
PREPARE = "stt_worker.databases.children.child:prepare"
PRELOAD = ("stt_worker.databases.children.child",)
# Of address space, above what a child begins with: three that use it up at once, and the
# children that wait for silent servers meanwhile, stay within 128 MiB.
MEMORY_BYTES = 40 * 1024 * 1024
FACTS_STATEMENTS = 4  # at most so many answers before the facts are known
FRUGAL = 8  # so much less may answers have when an inspection is done again for want of memory
GRACE_S = 3.0  # for a child to say that a time-out of its own is over
KEPT_VIEWS = 64  # encoded lists of questions: one per pack and kind of server
MAX_SERVERS = 10_000  # that are remembered
BIG = f"an answer needs more than the {MEMORY_BYTES // 2**20} MiB that an inspection may hold"

Message = TypeVar("Message")
Remembered = TypeVar("Remembered")


class ChildInspector:
    """Servers of every family; at most `size` at once, and `keep` children wait for work.

    `known` are questions that will be asked; children need not judge those anew.
    An inspection that fails costs its child, as does one that is cancelled: it is killed at once.
    """

    def __init__(
        self,
        size: int,
        keep: int,
        known: Iterable[Question] = (),
        preload: Sequence[str] = (),
    ) -> None:
        payload = remote.encoded_questions(dict.fromkeys(known))
        self._nursery = Nursery((*PRELOAD, *preload), PREPARE, payload)
        bounds = Bounds(memory_bytes=MEMORY_BYTES)
        self._pool = Pool(self._nursery, ENTRY, size=size, keep=keep, bounds=bounds)
        self._encoded: dict[tuple[View, ...], bytes] = {}
        self._costly: dict[str, None] = {}
        self._facts: dict[str, Facts] = {}

    async def inspect(
        self, endpoint: Endpoint, choose: ChooseViews, limits: Limits
    ) -> EncodedInspection:
        """See the port."""
        found, starved = await self._once(endpoint, choose, limits)
        if starved:
            # Small answers must not be lost to a question that asked for too much.
            frugal = replace(limits, bytes=limits.bytes // FRUGAL)
            found, _ = await self._once(endpoint, choose, frugal)
        return found

    async def _once(
        self, endpoint: Endpoint, choose: ChooseViews, limits: Limits
    ) -> tuple[EncodedInspection, bool]:
        """What a child brings back, and whether it was lost for want of memory."""
        name = f"{endpoint.family} {where(endpoint)}"
        costly = True
        try:
            async with self._pool.child() as child:
                # Whoever cost much last time does so beside the others now, not before them.
                with lowered_when_busy(child, at_once=name in self._costly) as watch:
                    expected = self._facts.get(name)
                    found, starved = await self._with(child, endpoint, choose, limits, expected)
                    _remember(self._facts, name, found.facts)
                    costly = watch.busy or any(map(_is_costly, found.answers.values()))
                    return found, starved
        except NurseryError as error:
            raise InspectionError(Kind.QUERY, f"this worker cannot inspect: {error}") from error
        finally:
            self._costly.pop(name, None)
            if costly:
                _remember(self._costly, name, None)

    async def _with(
        self,
        child: Child,
        endpoint: Endpoint,
        choose: ChooseViews,
        limits: Limits,
        expected: Facts | None,
    ) -> tuple[EncodedInspection, bool]:
        # A server that is what it was last time is asked without a word between child and parent.
        asked = tuple(dict.fromkeys(choose(expected))) if expected else ()
        order = remote.Order(
            endpoint=endpoint, limits=limits, expected=expected, views=self._frame(asked)
        )
        seconds = limits.connect_s + FACTS_STATEMENTS * limits.client_s + GRACE_S
        async with _bounded(child, where(endpoint), limits, seconds):
            await child.send(remote.encoded(order))
            known = _unless_refused(remote.first(await child.receive()))
        waits = known.facts != expected
        if waits:
            asked = tuple(dict.fromkeys(choose(known.facts)))
        # A question may have to be asked again over a new connection, hence twice the log-in.
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
            # What the server is we know; no question has an answer.
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
        await self._nursery.close()


class _ChildLostError(InspectionError):
    """The child had to be ended, or has ended by itself; `starved`: for want of memory."""

    starved = False


@asynccontextmanager
async def _bounded(
    child: Child, server: str, limits: Limits, seconds: float
) -> AsyncGenerator[None]:
    """Raises _ChildLostError when the child does not get through the block within `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        why = f"{server}: not inspected within {seconds:g} s, its process was ended"
        raise _ChildLostError(Kind.TIMEOUT, why) from None
    except (FrameError, msgspec.MsgspecError) as error:
        raise _lost(await child.end(), server, limits) from error


def _lost(status: int, server: str, limits: Limits) -> _ChildLostError:
    """What the end of a child means for the server that it inspected."""
    # A library of C that gets no memory may write to none.
    if status in {EXIT_MEMORY, -signal.SIGSEGV}:
        starved = _ChildLostError(Kind.TOO_LARGE, f"{server}: {BIG}")
        starved.starved = True
        return starved
    if status == -signal.SIGALRM:
        why = f"no answer within {limits.connect_s:g} s: what it sent keeps the driver computing"
        return _ChildLostError(Kind.TIMEOUT, f"{server}: {why}")
    if status == -signal.SIGXCPU:
        why = f"what it sends takes more than {remote.CPU_S} s of CPU time"
        return _ChildLostError(Kind.TIMEOUT, f"{server}: {why}")
    return _ChildLostError(
        Kind.QUERY, f"{server}: the process that inspects it has ended: {reason(status)}"
    )


def _is_costly(answer: bytes | Failure) -> bool:
    return isinstance(answer, Failure) and answer.kind in (Kind.TIMEOUT, Kind.TOO_LARGE)


def _remember(known: dict[str, Remembered], name: str, value: Remembered) -> None:
    """Enter `value` as the newest of at most MAX_SERVERS."""
    known.pop(name, None)
    known[name] = value
    if len(known) > MAX_SERVERS:
        del known[next(iter(known))]


def _unless_refused(message: Message | remote.Refused) -> Message:
    """`message`; raises the LookError that the child tells in its place."""
    if isinstance(message, remote.Refused):
        raise InspectionError(message.failure.kind, message.failure.reason)
    return message
