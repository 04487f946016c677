"""A child process that inspects servers, one at a time, with the driver of the family."""

from __future__ import annotations

import asyncio
import resource
import signal

from stt_shared.checkfile.statements import read_only
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Facts
from stt_worker.databases.children import remote
from stt_worker.databases.inspection import DirectInspector, Inspector, View
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.mysql import statement
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Failure, InspectionError
from stt_worker.databases.postgresql.driver import PostgresqlDatabase
from stt_worker.processes.fork_server import address_space
from stt_worker.processes.frames import Channel, FrameError

HEARTBEAT_S = 0.5
KEPT_GROWTH_BYTES = 32 * 1024 * 1024  # a child that has grown by more is replaced


def prepare(payload: bytes) -> None:
    """Before any child is forked: load the parsers and check the known questions.

    Children inherit both; each would spend 50 ms on them.
    """
    read_only.prepare()
    for question in remote.questions(payload):
        read_only.refusal(question.type, question.text)
        statement.statement(question)


def serve(channel: Channel) -> None:
    """Run the parent's orders until it closes the channel."""
    # Never closed: closing would wait for threads, and a resolver may block one for minutes.
    runner = asyncio.Runner()
    inspectors: dict[Family, Inspector] = {
        Family.MYSQL: DirectInspector(MysqlDatabase(1)),
        Family.POSTGRESQL: DirectInspector(PostgresqlDatabase()),
        Family.MONGODB: DirectInspector(MongodbDatabase()),
    }
    begun = address_space()
    while address_space() - begun < KEPT_GROWTH_BYTES:
        frame = channel.receive()
        if frame is None:
            return
        order = remote.order(frame)
        inspector = inspectors[order.endpoint.family]
        channel.send(remote.encoded(runner.run(_inspected(inspector, order, channel))))


async def _inspected(
    inspector: Inspector, order: remote.Order, channel: Channel
) -> remote.Answered | remote.Refused:
    asked: list[View] = []

    def choose(facts: Facts) -> tuple[View, ...]:
        """The views that the parent asks for; raises FrameError if it left."""
        channel.send(remote.encoded(remote.Known(facts=facts)))
        frame = order.views if facts == order.expected else channel.receive()
        if frame is None:
            raise FrameError("the parent left before it asked")
        asked[:] = remote.views(frame)
        return tuple(asked)

    with _Watched(order.limits.connect_s):
        try:
            found = await inspector.inspect(order.endpoint, choose, order.limits)
        except InspectionError as error:
            return remote.Refused(failure=Failure(kind=error.kind, reason=error.reason))
        answers = [found.answers[view] for view in asked]
        parts = [found.parts.get(view.question, ()) for view in asked]
        return remote.Answered(answers=answers, parts=parts)


class _Watched:
    """Ends this process by SIGALRM if its event loop is blocked for longer than `seconds`.

    A timer of the kernel: it also fires while C code of a driver runs.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        resource.setrlimit(
            resource.RLIMIT_CPU, (round(used) + remote.CPU_S, resource.RLIM_INFINITY)
        )
        self._beat()

    def _beat(self) -> None:
        # Set again before it fires: only an event loop that is blocked lets it fire.
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat)

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        signal.setitimer(signal.ITIMER_REAL, 0)
