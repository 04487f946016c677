"""Reads files and the output of programs: bounded in bytes and time, in threads of their own.

The threads are daemons: a file that never answers (a network mount) holds up no end of the worker.
They are not those of the event loop, which others need.
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
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

T = TypeVar("T")
THREADS = 16  # at once; who waits for one does so within its own time
CHECK_S = 0.05  # how soon a thread notices that nobody waits for it any more
BLOCK_BYTES = 64 * 1024
_places = threading.Semaphore(THREADS)


class ReadError(Exception):
    """Why there is no value, in a few words without a value."""


class _Deadline:
    """When a thread has to end: at an instant, or as soon as nobody waits for it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._given_up = threading.Event()

    def give_up(self) -> None:
        self._given_up.set()

    def readable(self, descriptors: Sequence[int]) -> list[int]:
        """Those that can be read from, at least one; raises ReadError when the time is over."""
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        while not self._given_up.is_set() and (left := self._end - time.monotonic()) > 0:
            if found := poll.poll(min(left, CHECK_S) * 1_000):
                return [descriptor for descriptor, _ in found]
        raise ReadError(f"no answer within {self._seconds:g} s")


async def file(path: Path, limit: int, seconds: float) -> bytes:
    """What is in the file, at most one byte more than `limit`; raises ReadError."""
    with _explained():
        return await _in_thread(lambda deadline: _read(path, limit, deadline), seconds)


async def program(words: Sequence[str], limit: int, seconds: float) -> bytes:
    """What the program says, at most one byte more than `limit`; raises ReadError.

    When it ends, says too much or takes longer than `seconds`, its whole process group is killed.
    """
    with _explained():
        return await _in_thread(lambda deadline: _run(words, limit, deadline), seconds)


@contextmanager
def _explained() -> Generator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise ReadError((said or "unreadable").lower()) from error


async def in_daemon(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns or raises; raises ReadError when that takes longer than `seconds`."""
    return await _in_thread(lambda _: work(), seconds)


async def _in_thread(work: Callable[[_Deadline], T], seconds: float) -> T:
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Callable[[], T]] = loop.create_future()
    deadline = _Deadline(seconds)

    def told(result: Callable[[], T]) -> None:
        if not found.done():
            found.set_result(result)

    def run() -> None:
        result = _outcome(work, deadline)
        _places.release()
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(told, result)

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
        if not found.done():  # the program that was started is to be gone when this returns
            await asyncio.wait([found], timeout=4 * CHECK_S)
    return result()


def _outcome(work: Callable[[_Deadline], T], deadline: _Deadline) -> Callable[[], T]:
    """A function that returns what `work` returned, or raises what it raised."""
    try:
        value = work(deadline)
    except Exception as error:  # noqa: BLE001  # handed on to who waits
        return partial(_raise, error)
    return lambda: value


def _raise(error: Exception) -> NoReturn:
    raise error


def _read(path: Path, limit: int, deadline: _Deadline) -> bytes:
    # Without the flag a pipe that nobody writes to would hold the thread for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise ReadError("is a directory")
        return _until_end(descriptor, limit, deadline)
    finally:
        os.close(descriptor)


def _until_end(descriptor: int, limit: int, deadline: _Deadline) -> bytes:
    data = b""
    while len(data) <= limit:
        deadline.readable([descriptor])
        more = os.read(descriptor, min(BLOCK_BYTES, limit + 1 - len(data)))
        if not more:
            break
        data += more
    return data


def _run(words: Sequence[str], limit: int, deadline: _Deadline) -> bytes:
    with subprocess.Popen(  # noqa: S603  # the command is the operator's own
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            data, ended = _said(process, limit, deadline)
        finally:
            # Before it is reaped: until then the number of the group is its own.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if ended and process.returncode != 0:
        raise ReadError(f"it ended with status {process.returncode}")
    return data


def _said(process: subprocess.Popen[bytes], limit: int, deadline: _Deadline) -> tuple[bytes, bool]:
    """What the program said, and whether it ended by itself.

    Who inherited its output may hold it open for ever: what counts is that the program ended.
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
