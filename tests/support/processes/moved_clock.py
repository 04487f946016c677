"""Move the wall clock of one running process, whatever it is written in, and of no other.

Programs read the time from a page that the kernel maps into each process, the vDSO. In the copy of
one process its `clock_gettime` is replaced by one that asks the kernel and adds an offset to the
wall clock; the monotonic clocks stay as they are, as when somebody sets the time of a machine.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.fixtures import left_out

# mov eax, 228 (clock_gettime); syscall; test edi, edi; jne out; mov rcx, [rip + 4]; add [rsi], rcx;
# out: ret; padding. The offset in seconds follows.
CODE = bytes.fromhex("b8e40000000f0585ff750a488b0d0600000048010ec39090")
JUMP = b"\xe9"
WORD = 8
STOPPED_S = 10.0
READ_WRITE = "r+b"


class MovedClock:
    """The wall clock of the process `pid`: `move` sets by how many seconds it is ahead.

    To be made anew after the process was started again.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        start, end = _vdso("self")
        image = ctypes.string_at(start, end - start)
        room = -len(image.rstrip(b"\0")) % WORD + len(image.rstrip(b"\0"))
        if platform.machine() != "x86_64" or len(image) - room < len(CODE) + WORD:
            left_out("the clock of a process can be moved on x86-64 only")
        symbol = ctypes.CDLL("linux-vdso.so.1")["__vdso_clock_gettime"]
        entry = (ctypes.cast(symbol, ctypes.c_void_p).value or 0) - start
        base, _ = _vdso(str(pid))
        self._slot = base + room + len(CODE)
        jump = JUMP + struct.pack("<i", room - entry - len(JUMP) - 4)
        with _standing_still(pid):
            self._write(base + room, CODE + bytes(WORD))
            self._write(base + entry, jump + image[entry + len(jump) : entry + WORD])

    def move(self, seconds: float) -> None:
        """Set by how many whole seconds the clock is ahead of the machine's; below 0: behind."""
        self._write(self._slot, struct.pack("<q", int(seconds)))

    def _write(self, address: int, data: bytes) -> None:
        with Path(f"/proc/{self._pid}/mem").open(READ_WRITE, buffering=0) as memory:
            memory.seek(address)
            memory.write(data)


def _vdso(process: str) -> tuple[int, int]:
    lines = Path(f"/proc/{process}/maps").read_text(encoding="ascii").splitlines()
    (found,) = (line for line in lines if line.endswith("[vdso]"))
    start, end = found.split(" ", 1)[0].split("-")
    return int(start, 16), int(end, 16)


@contextmanager
def _standing_still(pid: int) -> Iterator[None]:
    """None of its threads runs meanwhile: one could stand between two halves of an instruction."""
    os.kill(pid, signal.SIGSTOP)
    try:
        ends = time.monotonic() + STOPPED_S
        while not all(map(_is_stopped, Path(f"/proc/{pid}/task").iterdir())):
            assert time.monotonic() < ends, f"process {pid} does not stop"
            time.sleep(0.001)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _is_stopped(thread: Path) -> bool:
    return (thread / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"
