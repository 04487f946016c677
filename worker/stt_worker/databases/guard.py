"""Cuts a connection from outside its driver, so that no server can hold us longer than agreed."""

from __future__ import annotations

import contextlib
import os
import socket

from stt_shared import clock


class Guard:
    """A second handle on a driver's socket, and the instant until which the driver may wait.

    `deadline` (seconds of the monotonic clock) may be moved from any thread.
    """

    def __init__(self, descriptor: int, seconds: float) -> None:
        # A duplicate: the driver may close its own, whose number would then name another file.
        self._handle: socket.socket | None = socket.socket(fileno=os.dup(descriptor))
        self.deadline = clock.monotonic() + seconds
        self.cut_off = False

    def allow(self, seconds: float) -> None:
        """Let the driver wait for that long from now."""
        self.deadline = clock.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.deadline - clock.monotonic()

    def cut(self) -> None:
        """Shut the connection down: whoever waits for it, in whichever thread, wakes up."""
        self.cut_off = True
        if self._handle is not None:
            with contextlib.suppress(OSError):  # the peer was faster
                self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the handle back; the driver's own is not touched."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
