"""Limits the system calls of a child of the sandbox to memory, its one socket, clocks and exit.

The filter needs a list of numbers per architecture; without it only the language confines scripts.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from dataclasses import dataclass

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_REFUSE = 0x00050000 | errno.EPERM
_PROT_EXEC = 4
# Classic BPF: load a word, jump if equal, jump if a bit is set, return. Offsets count from the next
# line; a wrong offset allows another system call.
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_THIRD_ARGUMENT = 0, 4, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """The system calls of one architecture: allowed ones, and those that map memory."""

    architecture: int
    allowed: tuple[int, ...]
    mapping: tuple[int, ...]  # mmap, mprotect: refused if memory would become executable


# read write poll ppoll munmap mremap madvise brk rt_sigaction rt_sigprocmask rt_sigreturn
# sigaltstack sched_yield getpid gettid sendto recvfrom futex restart_syscall clock_gettime
# getrandom exit exit_group
_KNOWN = {
    "x86_64": _Calls(
        architecture=0xC000003E,
        allowed=(
            *(0, 1, 7, 271, 11, 25, 28, 12, 13, 14, 15, 131, 24, 39, 186, 44, 45, 202, 219, 228),
            *(318, 60, 231),
        ),
        mapping=(9, 10),
    ),
    "aarch64": _Calls(
        architecture=0xC00000B7,
        allowed=(
            *(63, 64, 73, 215, 216, 233, 214, 134, 135, 139, 132, 124, 172, 178, 206, 207, 98),
            *(128, 113, 278, 93, 94),
        ),
        mapping=(222, 226),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def confine() -> str:
    """Confine this process for ever; returns why there is no filter, or an empty text."""
    # Before the filter: it allows no call that sets a limit.
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(kind, (0, 0))
    machine = platform.machine()
    calls = _KNOWN.get(machine)
    if calls is None or sys.platform != "linux":
        return f"no list of system calls for {sys.platform} on {machine}"
    # `allowed` calls jump to the last line, `mapping` calls to the fourth last.
    mapping, allowed = len(calls.mapping), len(calls.allowed)
    lines = [
        # First the architecture: the same number means another call on another one.
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        (_EQUAL, 1, 0, calls.architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _AT_NUMBER),
        *((_EQUAL, mapping + allowed - at, 0, call) for at, call in enumerate(calls.mapping)),
        *((_EQUAL, allowed - at + 3, 0, call) for at, call in enumerate(calls.allowed)),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _AT_THIRD_ARGUMENT),
        (_ANY_BIT, 0, 1, _PROT_EXEC),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    program = b"".join(struct.pack("=HBBI", *line) for line in lines)
    buffer = ctypes.create_string_buffer(program, len(program))
    filtering = _Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    # First: without it only root may install a filter.
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filtering), 0, 0
    ):
        return f"the kernel accepts no filter: {os.strerror(ctypes.get_errno())}"
    return ""
