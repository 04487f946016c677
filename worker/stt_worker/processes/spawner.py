"""The parent's side of the fork server: starts it, forks children, and ends them all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stt_worker.processes.child import Bounds, Child, SpawnError

START_TIMEOUT_S = 60.0  # imports take long on a busy machine
END_TIMEOUT_S = 5.0  # then the fork server is killed, and with it its children
CHECK_AGAIN_S = 0.002
ANSWER_BYTES = 64 * 1024
# Drivers get no other variable of the environment, such as PGHOST or MYSQL_PWD.
KEPT_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "LD_LIBRARY_PATH",
    "RES_OPTIONS",
    "LOCALDOMAIN",
)
# Each further malloc arena would take 64 MiB of the child's address space, which is limited.
ADDED_VARIABLES = {"MALLOC_ARENA_MAX": "1"}
_BOOT = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given['path'];"
    "from stt_worker.processes.fork_server import main;"
    "main(*(given[name] for name in ('control', 'preload', 'prepare', 'payload')))"
)
Start = Callable[[int], "subprocess.Popen[bytes]"]


class Spawner:
    """Forks children from a fork server that has imported `preload`.

    The fork server calls `prepare` ("module:function") with `payload` once, before it forks. It
    starts with the first child, and again after it died; its children die with it.
    """

    def __init__(self, preload: Sequence[str], prepare: str = "", payload: bytes = b"") -> None:
        self._start = partial(_launched, tuple(preload), prepare, payload)
        self._server: _ForkServer | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    async def fork(
        self, entry: str, bounds: Bounds | None = None, descriptors: Sequence[int] = ()
    ) -> Child:
        """Fork a child that calls `entry` ("module:function") with its Channel.

        The child gets copies of `descriptors`. Raises SpawnError.
        """
        # One at a time: two calls would start two fork servers, and one would never be ended.
        async with self._starting:
            if self._closed:  # a fork server that started now would never be ended
                raise SpawnError("the worker is stopping")
            if self._server is None or self._server.lost:
                await self._end()
                self._server = await _ForkServer.started(self._start)
        return await self._server.fork(entry, bounds or Bounds(), descriptors)

    async def close(self) -> None:
        """End the fork server with all its children; returns when all have ended."""
        self._closed = True
        # After a start that is under way: without the lock nobody would end that fork server.
        async with self._starting:
            await self._end()

    async def _end(self) -> None:
        # Taken out first: a fork that comes while it ends must not use it.
        server, self._server = self._server, None
        if server is not None:
            await server.close()


class _ForkServer:
    """One server process; `lost` once it has ended."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process, self._control = process, control
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count(1)
        self._ready: asyncio.Future[int] = self._loop.create_future()
        self._forks: dict[int, asyncio.Future[int]] = {}
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._living: dict[int, Child] = {}
        self.lost = False
        control.setblocking(False)
        self._loop.add_reader(control.fileno(), self._read)

    @classmethod
    async def started(cls, start: Start) -> _ForkServer:
        """Start a fork server and wait until it can fork; raises SpawnError."""
        # SEQPACKET: each packet is one request and keeps its own descriptors.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            server = cls(start(theirs.fileno()), ours)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await server._ready
        except TimeoutError:
            await server.close()
            raise SpawnError(f"no child process was ready within {START_TIMEOUT_S:g} s") from None
        except BaseException:
            await server.close()
            raise
        return server

    async def fork(self, entry: str, bounds: Bounds, descriptors: Sequence[int]) -> Child:
        """See `Spawner.fork`; raises SpawnError."""
        ours, theirs = socket.socketpair()
        number = next(self._ids)
        request = {"id": number, "entry": entry, "memory": bounds.memory_bytes, "cpu": bounds.cpu_s}
        forked = self._forks[number] = self._loop.create_future()

        def end_unwanted(forked: asyncio.Future[int]) -> None:
            if not forked.cancelled() and forked.exception() is None:
                self.end(forked.result())

        try:
            with theirs:
                message = [json.dumps(request).encode()]
                socket.send_fds(self._control, message, [theirs.fileno(), *descriptors])
            pid = await asyncio.shield(forked)
        except OSError as error:
            ours.close()
            raise SpawnError(f"a child process cannot start: {error.strerror}") from error
        except BaseException:
            # Cancelled: the child is forked anyway, and without this it would never be ended.
            forked.add_done_callback(end_unwanted)
            ours.close()
            raise
        child = self._living[pid] = Child(pid, ours, self.end)
        return child

    def end(self, pid: int) -> asyncio.Future[int]:
        """Kill the child; the future has its exit code, negative for a signal, once reaped."""
        self._living.pop(pid, None)
        ended = self._ends.setdefault(pid, self._loop.create_future())
        if self.lost:
            self._resolve_end(pid, -signal.SIGKILL)
        else:
            with contextlib.suppress(OSError):  # the fork server is gone, and with it the child
                self._control.send(json.dumps({"end": pid}).encode())
        return ended

    def _resolve_end(self, pid: int, status: int) -> None:
        ended = self._ends.pop(pid, None)
        if ended is not None and not ended.done():
            ended.set_result(status)

    def _read(self) -> None:
        try:
            message = self._control.recv(ANSWER_BYTES)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._lose("the fork server has ended")
            return
        answer: dict[str, Any] = json.loads(message)
        if "forked" in answer:
            self._forks.pop(answer["id"]).set_result(answer["forked"])
        elif "refused" in answer:
            why = SpawnError(f"a child process cannot start: {answer['refused']}")
            self._forks.pop(answer["id"]).set_exception(why)
        elif "ended" in answer:
            self._resolve_end(answer["ended"], answer["status"])
        elif "ready" in answer:
            self._ready.set_result(answer["ready"])
        else:
            self._lose(f"a child process cannot start: {answer['failed']}")

    def _lose(self, why: str) -> None:
        """Fail all waiting calls: the fork server will not answer any more."""
        if self.lost:
            return
        self.lost = True
        self._loop.remove_reader(self._control.fileno())
        waiting = [one for one in (self._ready, *self._forks.values()) if not one.done()]
        self._forks.clear()
        for one in waiting:
            one.set_exception(SpawnError(why))
            one.exception()  # retrieved: asyncio would log an error that nobody awaits
        for pid in tuple(self._ends):
            self._resolve_end(pid, -signal.SIGKILL)

    async def close(self) -> None:
        """Close the socket; the fork server then kills and reaps its children and ends."""
        self._lose("the worker is stopping")
        for child in tuple(self._living.values()):
            child.end()
        self._control.close()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_TIMEOUT_S):
                    while self._process.poll() is None:  # noqa: ASYNC110  # no event to wait for
                        await asyncio.sleep(CHECK_AGAIN_S)
        finally:
            if self._process.poll() is None:  # its children die with it
                self._process.kill()
                self._process.wait()


def _launched(
    preload: Sequence[str], prepare: str, payload: bytes, control: int
) -> subprocess.Popen[bytes]:
    paths = [str(Path(path).absolute()) for path in sys.path]
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    with os.fdopen(os.memfd_create("payload"), "w+b") as file:
        file.write(payload)
        file.seek(0)
        given = {"path": paths, "preload": preload, "prepare": prepare}
        handed = {"control": control, "payload": file.fileno()}
        return subprocess.Popen(  # noqa: S603  # our own interpreter and code
            [sys.executable, "-I", "-c", _BOOT, json.dumps(given | handed)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=list(handed.values()),
            env=kept | ADDED_VARIABLES,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
