"""A server of our own on loopback: started, waited for, killed, restarted, stopped, cleaned up."""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stt_shared import clock
from stt_shared.errors import SttError

HOST = "127.0.0.1"
READY_S = 60.0
STOP_S = 20.0
POLL_S = 0.02
LOG_TAIL_BYTES = 2_000
# Below the ports that systems give to outgoing connections, which could take one in between.
PORTS = range(20_000, 32_000)
PORT_TRIES = 100
PR_SET_PDEATHSIG = 1
STDERR = 2
# Servers that refuse to run as root run as this user of every Unix.
UNPRIVILEGED = "nobody"


class ServerError(SttError):
    """A server of our own did not start."""


@dataclass(kw_only=True)
class Running:
    """A server process; `ready` returns once it answers and raises OSError until then.

    `environment` is added to our own; None takes a variable away. A process that is `aloud` writes
    to our stderr instead of its log. `stop_s` is how long it may take to end in order.
    """

    name: str
    command: Sequence[str]
    directory: Path
    ready: Callable[[], None]
    port: int
    host: str = HOST
    socket: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    binary: Path | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    owner: str | None = None
    stop_signal: int = signal.SIGTERM
    stop_s: float = STOP_S
    temporary: bool = True
    aloud: bool = False
    child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address as clients of NATS write it."""
        return f"nats://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id; 0 when it does not run."""
        return self.child.pid if self.child is not None and self.child.poll() is None else 0

    @property
    def log(self) -> Path:
        """Where the server's own words go."""
        return self.directory / "server.log"

    def start(self) -> Running:
        """Start and wait until it answers; raises ServerError with the end of its log.

        To be called from a thread that outlives the server: the kernel ends the server together
        with the thread that started it, so that nothing is left even after a SIGKILL.
        """
        merged = os.environ | self.environment
        with self.log.open("ab") as log:
            output = STDERR if self.aloud else log
            self.child = subprocess.Popen(  # noqa: S603  # the command is ours
                self.command,
                cwd=self.directory,
                env={name: value for name, value in merged.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                user=self.owner,
                group=_group_of(self.owner),
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # one call, no locks, before exec
            )
        child, deadline = self.child, clock.monotonic() + READY_S
        while True:
            try:
                self.ready()
            except OSError as error:
                if child.poll() is not None:
                    raise self._failed(f"ended with code {child.returncode}") from error
                if clock.monotonic() > deadline:
                    self.kill()
                    raise self._failed(f"did not answer within {READY_S:g} s") from error
                time.sleep(POLL_S)
            else:
                return self

    def _failed(self, what: str) -> ServerError:
        return ServerError(f"{self.name} {what}", hint=self.tail())

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()

    def kill(self) -> None:
        """End it as a power cut would, data and all its processes; the data stays."""
        self._signal(signal.SIGKILL)

    def restart(self) -> Running:
        """Stop it if it runs and start it again on the same port with the same data."""
        self._signal(self.stop_signal)
        return self.start()

    def stop(self) -> None:
        """End it in order and remove its directory if it is a temporary one."""
        self._signal(self.stop_signal)
        if self.temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _signal(self, number: int) -> None:
        child, self.child = self.child, None
        if child is None:
            return
        if child.poll() is None:
            os.kill(child.pid, number)
        try:
            child.wait(self.stop_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(STOP_S)
        # Last, and by the group: what the server started has outlived it.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _group_of(owner: str | None) -> int | None:
    return None if owner is None else pwd.getpwnam(owner).pw_gid


def free_port() -> int:
    """A port of loopback that nobody listens on, outside of those that connections are given.

    Raises ServerError if none of a hundred is free.
    """
    for _ in range(PORT_TRIES):
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise ServerError(f"none of {PORT_TRIES} ports from {PORTS[0]} to {PORTS[-1]} is free")


def accepts(port: int) -> None:
    """Return if somebody listens on `port`; raises OSError if not."""
    socket.create_connection((HOST, port), timeout=1).close()


def unprivileged() -> str | None:
    """The user for servers that refuse to run as root; None when we are not root."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def own_directory(directory: Path, owner: str | None) -> Path:
    """Make `directory` and give it to `owner`."""
    directory.mkdir(parents=True, exist_ok=True)
    if owner is not None:
        shutil.chown(directory, owner)
    return directory


def run_once(
    command: Sequence[str],
    *,
    owner: str | None,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a set-up command to its end; raises ServerError with its output."""
    done = subprocess.run(  # noqa: S603  # the command is ours
        command,
        check=False,
        capture_output=True,
        user=owner,
        group=_group_of(owner),
        input=stdin,
        env=os.environ | (environment or {}),
        cwd="/",
    )
    if done.returncode != 0:
        printed = (done.stdout + done.stderr)[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
        raise ServerError(f"{command[0]} ended with code {done.returncode}", hint=printed)
