"""Entry of a child that confines itself as the sandbox does, then tries system calls."""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
from collections.abc import Callable

from stt_worker.processes.frames import Channel
from stt_worker.sandbox import confinement

_LIBC = ctypes.CDLL(None, use_errno=True)
_EXECUTABLE = 4
_PARENT = os.getppid()


def _raw(function: str, *arguments: int) -> None:
    """Call the C library, so that nothing of Python's comes in between."""
    if getattr(_LIBC, function)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), function)


ACTS: dict[str, Callable[[], object]] = {
    "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "create": lambda: os.open("/tmp/stt-hostile", os.O_CREAT | os.O_WRONLY),  # noqa: S108  # never made
    "socket": lambda: socket.socket(socket.AF_INET),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "socketpair": socket.socketpair,
    "execve": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606  # is refused
    "fork": os.fork,
    "kill": lambda: os.kill(_PARENT, signal.SIGTERM),
    "list": lambda: os.scandir("/proc"),
    "ptrace": lambda: _raw("ptrace", 16, _PARENT, 0, 0),
    "memfd": lambda: os.memfd_create("x"),
    "pipe": os.pipe,
    "limits": lambda: _raw("setrlimit", resource.RLIMIT_AS, 0),
    "unlink": lambda: os.unlink("/tmp/stt-hostile"),  # noqa: S108, PTH108  # as above
    "chdir": lambda: os.chdir("/"),
    "unshare": lambda: _raw("unshare", 0x10000000),
    "executable memory": lambda: mmap.mmap(-1, 4096, prot=_EXECUTABLE | mmap.PROT_READ),
    "bpf": lambda: _raw("syscall", 321, 0, 0, 0),
    "read another's memory": lambda: _raw("syscall", 310, _PARENT, 0, 0, 0, 0, 0),
}
GOOD: dict[str, Callable[[], object]] = {
    "memory": lambda: len(bytearray(8 * 1024 * 1024)),
    "a large table": lambda: len({n: str(n) for n in range(100_000)}),
}


def try_all(channel: Channel) -> None:
    """Send why there is no filter, and per act the name of its error or `done`."""
    unfiltered = confinement.confine()
    channel.send(json.dumps([unfiltered, {**_ends(ACTS), **_ends(GOOD)}]).encode())


def _ends(acts: dict[str, Callable[[], object]]) -> dict[str, str]:
    return {name: _end(act) for name, act in acts.items()}


def _end(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"
