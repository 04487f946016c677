"""Reads files and the output of programs in own threads, with limits on bytes and time.

The threads are daemons, so that a file that blocks (a network mount) does not block the end of the
worker. They are not the threads of the event loop, because others need those.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
THREADS = 16  # at once; waiting for a thread counts against the time limit
CHECK_S = 0.05  # a thread notices within this time that its caller is gone
BLOCK_BYTES = 64 * 1024
_places = threading.Semaphore(THREADS)


class ReadError(Exception):
    """The reason why there is no value; never contains a value."""


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


class _Deadline:
    """The end of a thread: a time limit, or earlier when its caller is gone."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._given_up = threading.Event()

    def give_up(self) -> None:
        self._given_up.set()

    def readable(self, descriptors: Sequence[int]) -> list[int]:
        """The readable descriptors, at least one; raises ReadError after the deadline."""
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        while not self._given_up.is_set() and (left := self._end - time.monotonic()) > 0:
            if found := poll.poll(min(left, CHECK_S) * 1_000):
                return [descriptor for descriptor, _ in found]
        raise ReadError(f"no answer within {self._seconds:g} s")


async def file(path: Path, limit: int, seconds: float) -> bytes:
    """The content of the file, cut after `limit` + 1 bytes; raises ReadError."""

    def read(deadline: _Deadline) -> bytes:
        """Read until the end; raises ReadError and OSError."""
        # O_NONBLOCK: opening a pipe without a writer would block the thread for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise ReadError("is a directory")
            data = b""
            while len(data) <= limit:
                deadline.readable([descriptor])
                more = os.read(descriptor, min(BLOCK_BYTES, limit + 1 - len(data)))
                if not more:
                    break
                data += more
            return data
        finally:
            os.close(descriptor)

    with _explained():
        return await _in_thread(read, seconds)


async def program(words: Sequence[str], limit: int, seconds: float) -> bytes:
    """The output of the program, cut after `limit` + 1 bytes; raises ReadError.

    Its whole process group is killed when it ends, exceeds the limit or takes over `seconds`.
    """

    def run(deadline: _Deadline) -> bytes:
        """Run until the program ends; raises ReadError and OSError."""
        with subprocess.Popen(  # noqa: S603  # the command is the operator's own
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # A group of its own: what the program starts has to end with it.
            start_new_session=True,
        ) as process:
            try:
                data, ended = _output_of(process, limit, deadline)
            finally:
                # Before the process is reaped: later the number may belong to another group.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if ended and process.returncode != 0:
            raise ReadError(f"it ended with status {process.returncode}")
        return data

    with _explained():
        return await _in_thread(run, seconds)


@contextmanager
def _explained() -> Generator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: an impossible path
        text = error.strerror if isinstance(error, OSError) else str(error)
        raise ReadError((text or "unreadable").lower()) from error


async def in_daemon(work: Callable[[], T], seconds: float) -> T:
    """Run `work` in a thread; raises its error, or ReadError after `seconds`."""
    return await _in_thread(lambda _: work(), seconds)


async def _in_thread(work: Callable[[_Deadline], T], seconds: float) -> T:
    loop = asyncio.get_running_loop()
    # A result, not an exception of the future: asyncio would log one that is never awaited.
    found: asyncio.Future[T | _Failed] = loop.create_future()
    deadline = _Deadline(seconds)

    def set_result(result: T | _Failed) -> None:
        if not found.done():
            found.set_result(result)

    def run() -> None:
        try:
            result: T | _Failed = work(deadline)
        except Exception as error:  # noqa: BLE001  # passed on to the caller
            result = _Failed(error)
        # Here, not by the caller: it may be gone, and the place would be lost.
        _places.release()
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(set_result, result)

    try:
        async with asyncio.timeout(seconds + 2 * CHECK_S):
            while not _places.acquire(blocking=False):  # noqa: ASYNC110  # threads give them back
                await asyncio.sleep(CHECK_S)
            threading.Thread(target=run, name="reader", daemon=True).start()
            result = await asyncio.shield(found)
    except TimeoutError:
        raise ReadError(f"no answer within {seconds:g} s") from None
    finally:
        deadline.give_up()
        if not found.done():  # a started program must have ended when this returns
            await asyncio.wait([found], timeout=4 * CHECK_S)
    if isinstance(result, _Failed):
        raise result.error
    return result


def _output_of(
    process: subprocess.Popen[bytes], limit: int, deadline: _Deadline
) -> tuple[bytes, bool]:
    """The output of the program, and whether it ended by itself.

    Waits for the program and not for the end of its output, which its children may keep open.
    """
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    output = process.stdout.fileno()
    os.set_blocking(output, False)
    ends = os.pidfd_open(process.pid)
    waiting = [output, ends]
    data = b""
    try:
        while len(data) <= limit:
            ready = deadline.readable(waiting)
            if output in ready:
                more = os.read(output, BLOCK_BYTES)
                data += more
                if not more:
                    waiting.remove(output)
            elif ends in ready:
                return data, True
    finally:
        os.close(ends)
    return data, False
