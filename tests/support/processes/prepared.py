"""Runs `stt` as a process that need not import anything: it is forked from one that has it all.

The start of an interpreter with all modules of `stt` takes longer than most commands, and reading
the library of checks as long again. Each command still is a process with its own arguments,
environment, folder, streams and end. Tests of the start itself, of terminals and of services start
the program instead.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from stt_shared.checkfile import catalogue

# What commands import when they run, too; of packages every module.
PACKAGES = ("stt_cli", "stt_shared", "stt_worker")
MODULES = ("stt_coordinator.cli",)
MAX_BYTES = 1 << 18  # of a command line and its environment
TIMEOUT_S = 180.0


class Prepared:
    """The process that has imported `stt`, seen from a test."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """Let the process end."""
        self._channel.close()
        self._process.wait(TIMEOUT_S)

    def run(
        self, words: Sequence[str | Path], environ: Mapping[str, str], *, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What `stt` with these words did; raises TimeoutExpired after TIMEOUT_S."""
        given = [str(word) for word in words]
        order = {"words": given, "environ": dict(environ), "cwd": str(cwd or Path.cwd())}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with (
            ours,
            TemporaryFile() as out,
            TemporaryFile() as err,
            Path(os.devnull).open("rb") as nothing,
        ):
            with theirs:
                numbers = [one.fileno() for one in (nothing, out, err, theirs)]
                socket.send_fds(self._channel, [json.dumps(order).encode()], numbers)
            ours.settimeout(TIMEOUT_S)
            pid = int(ours.recv(MAX_BYTES))
            try:
                code = int(ours.recv(MAX_BYTES))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(given, TIMEOUT_S) from None
            return subprocess.CompletedProcess(given, code, _text(out), _text(err))


def _text(file: Any) -> str:
    file.seek(0)
    text: str = file.read().decode()
    return text.replace("\r\n", "\n")


@cache
def prepared() -> Prepared:
    """The one of this process, started when it is first needed."""
    made = Prepared()
    atexit.register(made.close)
    return made


def _serve(channel: socket.socket) -> dict[str, Any] | None:
    """Fork for each order; returns the order in the process that has to do it, else None."""
    waiting: set[int] = set()
    while True:
        data, numbers, _, _ = socket.recv_fds(channel, MAX_BYTES, 4)
        waiting -= {pid for pid in waiting if os.waitpid(pid, os.WNOHANG)[0]}
        if not data:
            return None
        if pid := os.fork():
            waiting.add(pid)
        else:
            channel.close()
            _become(numbers)
            order: dict[str, Any] = json.loads(data)
            return order
        for number in numbers:
            os.close(number)


def _become(numbers: list[int]) -> None:
    """Fork again: this process waits and reports, the new one returns with the streams."""
    *streams, reply = numbers
    if pid := os.fork():
        for number in streams:
            os.close(number)
        os.write(reply, b"%d" % pid)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(reply, b"%d" % code)
        os._exit(0)
    os.close(reply)
    for place, number in enumerate(streams):
        os.dup2(number, place)
        os.close(number)


def _import_all() -> None:
    for name in PACKAGES:
        package = import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith(".__main__"):
                import_module(found.name)
    for module in MODULES:
        import_module(module)
    catalogue.builtin()  # it is kept
    gc.freeze()  # else the first collection in each process copies all of it


def main() -> int:
    _import_all()
    order = _serve(socket.socket(fileno=int(sys.argv[1])))
    if order is None:
        return 0
    os.environ.clear()
    os.environ.update(order["environ"])
    os.chdir(order["cwd"])
    sys.argv = ["stt", *order["words"]]
    stt: Any = import_module("stt_cli.main")
    code: int = stt.main()
    return code


if __name__ == "__main__":
    sys.exit(main())
