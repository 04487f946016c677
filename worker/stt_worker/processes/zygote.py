"""The process that forks: it imports modules once, then forks a child per request and reaps it.

It has one thread, and imports nothing but what it is told to: every child begins as its copy.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Never

from stt_worker.processes.frames import Channel

EXIT_BROKEN = 70  # the child's function raised
EXIT_MEMORY = 71  # it raised MemoryError
REQUEST_BYTES = 64 * 1024
MAX_DESCRIPTORS = 8  # of one request: the channel, and files that are handed on
STACK_BYTES = 1024 * 1024  # of a thread in a child: it counts against the child's address space
REAP_AGAIN_MS = 1
UMASK = 0o077
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PR_SET_PDEATHSIG = 1

Entry = Callable[[Channel], None]


def main(descriptor: int, preload: Sequence[str], prepare: str, payload: int) -> None:
    """Serve requests from the socket `descriptor` until the parent closes it.

    `prepare` ("module:function") is called before with what is in the file `payload`.
    """
    control = socket.socket(fileno=descriptor)
    # A service manager and a terminal signal the whole group; the parent alone ends us.
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.umask(UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(STACK_BYTES)
    try:
        for name in preload:
            importlib.import_module(name)
        with os.fdopen(payload, "rb") as file:
            if prepare:
                _named(prepare)(file.read())
    except Exception as error:  # noqa: BLE001  # whatever a module raises: the parent must hear it
        _say(control, failed=f"{type(error).__name__}: {error}")
        return
    # Objects made so far are never looked at again, so that children share their pages.
    gc.collect()
    gc.freeze()
    _say(control, ready=os.getpid())
    _Forking(control).serve()


def _say(control: socket.socket, **answer: Any) -> None:
    control.send(json.dumps(answer).encode())


class _Forking:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: set[int] = set()
        self._dying: set[int] = set()

    def serve(self) -> None:
        """Until the parent is gone; then no child is left."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        try:
            while True:
                if poll.poll(REAP_AGAIN_MS if self._dying else None) and not self._heed():
                    return
                for pid in tuple(self._dying):
                    self._reap(pid)
        finally:
            for pid in self._children:
                os.kill(pid, signal.SIGKILL)
            for pid in self._children:
                os.waitpid(pid, 0)

    def _heed(self) -> bool:
        try:
            message, descriptors, _, _ = socket.recv_fds(
                self._control, REQUEST_BYTES, MAX_DESCRIPTORS
            )
        except ConnectionError:
            return False
        if not message:
            return False
        request = json.loads(message)
        if "end" in request:
            # Not reaped before the parent says so: until then the number is this child's alone.
            if request["end"] in self._children:
                os.kill(request["end"], signal.SIGKILL)
                self._dying.add(request["end"])
        else:
            self._fork(request, descriptors)
        return True

    def _reap(self, pid: int) -> None:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            self._dying.discard(pid)
            self._children.discard(pid)
            _say(self._control, ended=pid, status=os.waitstatus_to_exitcode(status))

    def _fork(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            _say(self._control, id=request["id"], refused=str(error.strerror))
        else:
            if pid == 0:
                self._control.close()
                _live(request, descriptors, parent)
            self._children.add(pid)
            _say(self._control, id=request["id"], forked=pid)
        for descriptor in descriptors:
            os.close(descriptor)


def _live(request: dict[str, Any], descriptors: Sequence[int], parent: int) -> Never:
    """The whole life of a child; what its parent's caller would do at exit is not done here."""
    code = EXIT_BROKEN
    try:
        _die_with(parent)
        _limit(request.get("memory"), request.get("cpu"))
        entry: Entry = _named(request["entry"])
        entry(Channel(socket.socket(fileno=descriptors[0]), tuple(descriptors[1:])))
        code = 0
    except MemoryError:
        code = EXIT_MEMORY
    finally:
        os._exit(code)


def _die_with(parent: int) -> None:
    """End when the zygote does, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(EXIT_BROKEN)


def _limit(memory: int | None, cpu: int | None) -> None:
    """`memory`: bytes of address space above what the child begins with; `cpu`: seconds."""
    if memory is not None:
        limit = address_space() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    if cpu is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, resource.RLIM_INFINITY))


def address_space(pid: int | str = "self") -> int:
    """Bytes of address space of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123  # pathlib costs time
        return int(file.read().split()[0]) * resource.getpagesize()


def _named(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
