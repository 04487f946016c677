"""The driver of MySQL, Percona Server and MariaDB, with PyMySQL in a thread per inspection."""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

from stt_shared import clock
from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.telemetry.logs import in_thread
from stt_worker.databases import network, tls
from stt_worker.databases.certificate import shown_by_mysql
from stt_worker.databases.guard import Guard
from stt_worker.databases.held import Answers
from stt_worker.databases.mysql import auth
from stt_worker.databases.mysql.connection import Connection
from stt_worker.databases.mysql.opening import takes_all_at_once
from stt_worker.databases.mysql.session import Progress, Session
from stt_worker.databases.port import Answer, Choose, Endpoint, Inspection, InspectionError, Limits

LOOK_AGAIN_S = 0.2  # at the deadline of a session that runs
GRACE_S = 2.0  # for a thread to notice that its connection was cut


class MysqlDatabase:
    """The driver of the family; at most `threads` inspections run at once, others wait."""

    def __init__(self, threads: int = 16) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="mysql")
        # Acquired before connecting: while waiting for a thread the log-in time would run out.
        self._free_threads = asyncio.Semaphore(threads)
        self._contexts = tls.Contexts()

    async def inspect(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Inspection:
        """See the port; raises InspectionError. Waiting for a thread is not the server's time."""
        answers: Answers[Question, Answer] = Answers(limits.bytes)
        progress = Progress(answers=answers, at_once=takes_all_at_once(endpoint))
        async with self._free_threads:
            # Ends: each round reads the facts, answers a question, or stops sending all at once.
            while progress.unfinished:
                await self._session(endpoint, choose, limits, progress)
        if progress.facts is None:
            raise InspectionError(Kind.UNREACHABLE, "the session ended before the facts were known")
        return Inspection(facts=progress.facts, answers=progress.answers)

    async def close(self) -> None:
        """Release the threads; running inspections end within their limits."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._contexts.clear()

    async def _session(
        self, endpoint: Endpoint, choose: Choose, limits: Limits, progress: Progress
    ) -> None:
        context: ssl.SSLContext | None = None
        if not endpoint.socket and endpoint.tls.mode != tls.OFF:
            context = self._contexts.known(endpoint.tls)
            # In a thread: building a context takes 30 ms of CPU.
            context = context or await in_thread(self._executor, self._contexts.make, endpoint.tls)
        connection = Connection(endpoint, context, limits)
        key = auth.public_key(endpoint)
        # After the context and the key: their time is not the server's.
        started = clock.monotonic()
        opened = await network.connect(endpoint, limits.connect_s)
        guard = Guard(opened.fileno(), started + limits.connect_s - clock.monotonic())
        session = Session(connection=connection, guard=guard, limits=limits)
        try:
            await self._in_thread(session, opened, choose, progress, key)
        except ssl.SSLError as error:
            found = await shown_by_mysql(endpoint, limits.connect_s)
            raise tls.failed(tls.words(error), endpoint.tls, endpoint.host, found) from error
        finally:
            guard.close()

    async def _in_thread(
        self,
        session: Session,
        opened: socket.socket,
        choose: Choose,
        progress: Progress,
        key: bytes,
    ) -> None:
        """Run the session; cut its connection at the deadline and on cancellation."""
        running = in_thread(self._executor, session.run, opened, choose, progress, key)
        # Retrieved: else asyncio would log the error of an abandoned session.
        running.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        guard = session.guard
        try:
            while not running.done() and not guard.cut_off:
                # Short waits: the thread may have moved the deadline meanwhile.
                await asyncio.wait([running], timeout=min(max(guard.left, 0.0), LOOK_AGAIN_S))
                if not running.done() and guard.left <= 0:
                    guard.cut()
            if not running.done():
                await asyncio.wait([running], timeout=GRACE_S)
            if not running.done():
                raise InspectionError(Kind.TIMEOUT, "the driver did not stop in time")
            running.result()
        finally:
            if not running.done():
                guard.cut()
