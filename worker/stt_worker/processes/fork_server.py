"""The fork server: a process that imports modules once, then forks and reaps children on request.

It has one thread and imports only what it is asked to, because every child starts as its copy.
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
EXIT_MEMORY = 71  # the function raised MemoryError
REQUEST_BYTES = 64 * 1024
MAX_DESCRIPTORS = 8  # of one request: the channel and files for the child
STACK_BYTES = 1024 * 1024  # of a child's thread; counts against its address space
REAP_AGAIN_MS = 1
UMASK = 0o077
STATM_BYTES = 256  # seven numbers
_PAGE_BYTES = resource.getpagesize()
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PR_SET_PDEATHSIG = 1

Entry = Callable[[Channel], None]


def main(descriptor: int, preload: Sequence[str], prepare: str, payload: int) -> None:
    """Serve requests from the socket `descriptor` until the parent closes it.

    `prepare` ("module:function") is called first with the content of the file `payload`.
    """
    control = socket.socket(fileno=descriptor)
    # Ignored: service managers signal the whole group, but only the parent may end the fork server,
    # else running jobs would lose their children at SIGTERM.
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    # For all children: what a driver writes is readable for this user alone.
    os.umask(UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(STACK_BYTES)
    try:
        for name in preload:
            importlib.import_module(name)
        with os.fdopen(payload, "rb") as file:
            if prepare:
                _named(prepare)(file.read())
    except Exception as error:  # noqa: BLE001  # an edge: the parent needs any error of a module
        _send(control, failed=f"{type(error).__name__}: {error}")
        return
    # Frozen: the collector would touch these objects, and children would copy their pages.
    gc.collect()
    gc.freeze()
    _send(control, ready=os.getpid())
    _Forking(control).serve()


def _send(control: socket.socket, **answer: Any) -> None:
    control.send(json.dumps(answer).encode())


class _Forking:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: set[int] = set()
        self._dying: set[int] = set()

    def serve(self) -> None:
        """Serve until the parent is gone; then kill all children."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        try:
            while True:
                if poll.poll(REAP_AGAIN_MS if self._dying else None) and not self._handle():
                    return
                for pid in tuple(self._dying):
                    found, status = os.waitpid(pid, os.WNOHANG)
                    if found:
                        self._dying.discard(pid)
                        self._children.discard(pid)
                        _send(self._control, ended=pid, status=os.waitstatus_to_exitcode(status))
        finally:
            for pid in self._children:
                os.kill(pid, signal.SIGKILL)
            for pid in self._children:
                os.waitpid(pid, 0)

    def _handle(self) -> bool:
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
            # Reaped only on request: until then the pid cannot belong to another process.
            if request["end"] in self._children:
                os.kill(request["end"], signal.SIGKILL)
                self._dying.add(request["end"])
        else:
            self._fork(request, descriptors)
        return True

    def _fork(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            _send(self._control, id=request["id"], refused=str(error.strerror))
        else:
            if pid == 0:
                self._control.close()
                _live(request, descriptors, parent)
            self._children.add(pid)
            _send(self._control, id=request["id"], forked=pid)
        # The server's copies: while they are open the parent does not see the end of the child.
        for descriptor in descriptors:
            os.close(descriptor)


def _live(request: dict[str, Any], descriptors: Sequence[int], parent: int) -> Never:
    """Run a child from fork to exit; it dies with the server, however that ends.

    `os._exit` skips the exit handlers that the child inherited.
    """
    code = EXIT_BROKEN
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # After the line above: before it the end of the server would not be signalled.
        if os.getppid() != parent:
            os._exit(EXIT_BROKEN)
        memory, cpu = request.get("memory"), request.get("cpu")
        if memory is not None:  # bytes above the initial address space
            limit = address_space() + memory
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        if cpu is not None:  # seconds
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, resource.RLIM_INFINITY))
        entry: Entry = _named(request["entry"])
        # Held until the exit: an error would close it while it unwinds, and the parent would kill
        # this child before its exit code is set.
        channel = Channel(socket.socket(fileno=descriptors[0]), tuple(descriptors[1:]))
        entry(channel)
        code = 0
    except MemoryError:
        code = EXIT_MEMORY
    finally:
        os._exit(code)


def address_space(pid: int | str = "self") -> int:
    """The size of a process's address space in bytes."""
    # Without a file object, which costs as much again as these calls: it is read twice a job.
    descriptor = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(descriptor, STATM_BYTES).partition(b" ")[0]) * _PAGE_BYTES
    finally:
        os.close(descriptor)


def _named(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)
