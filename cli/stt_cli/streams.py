"""Replaces standard streams that are closed, so that no command ends in a traceback."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

_NUMBERS = (0, 1, 2)  # of stdin, stdout and stderr


class ClosedError(OSError):
    """A command writes to stdout, which its caller closed."""


class _Closed(io.TextIOBase):
    """A closed stdout: services never write to it; a report must not be lost silently."""

    def write(self, text: str, /) -> int:
        """Raise ClosedError unless `text` is empty."""
        if text:
            raise ClosedError("stdout is closed")
        return 0


def complete() -> None:
    """Open /dev/null in place of each standard stream that is closed (`>&-`).

    Otherwise the next file or connection gets its number, and receives what a child process writes
    to its stdout.
    """
    for number in _NUMBERS:
        try:
            os.fstat(number)
        except OSError:
            # os.open returns the lowest free number: with the loop in this order, `number`.
            os.open(os.devnull, os.O_RDWR)
    # The interpreter sets a stream that was closed at its start to None.
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdout = _Closed()
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # for good


def abandon() -> None:
    """Redirect stdout and stderr to /dev/null: the interpreter fails to flush a closed pipe."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in _NUMBERS[1:]:
        os.dup2(nowhere, number)
    os.close(nowhere)
