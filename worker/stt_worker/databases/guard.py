"""Cuts a connection from outside its driver, so that no server can exceed the time limit."""

from __future__ import annotations

import contextlib
import os
import socket

from stt_shared import clock


class Guard:
    """A second handle of a driver's socket, and the deadline until which the driver may wait.

    `deadline` (seconds of the monotonic clock) may be changed from any thread.
    """

    def __init__(self, descriptor: int, seconds: float) -> None:
        # A duplicate: the driver may close its descriptor, and its number may be reused; `cut`
        # would then shut down another connection.
        self._handle: socket.socket | None = socket.socket(fileno=os.dup(descriptor))
        self.deadline = clock.monotonic() + seconds
        self.cut_off = False

    def allow(self, seconds: float) -> None:
        """Set the deadline to `seconds` from now."""
        self.deadline = clock.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.deadline - clock.monotonic()

    def cut(self) -> None:
        """Shut the connection down; a thread that waits for it wakes up."""
        self.cut_off = True
        if self._handle is not None:
            with contextlib.suppress(OSError):  # the peer closed it already
                self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close this handle; the driver's own stays open."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
