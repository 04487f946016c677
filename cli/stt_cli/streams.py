"""Standard streams that a shell closed, or whose reader went away, end no command in a trace."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

_NUMBERS = (0, 1, 2)  # of stdin, stdout and stderr


class ClosedError(OSError):
    """Something was to be written to stdout, which whoever started us had closed."""


class _Closed(io.TextIOBase):
    """A stdout that is not there: a service never needs it, a report must not vanish unsaid."""

    def write(self, text: str, /) -> int:
        """Refuse `text`; nothing is nothing to refuse."""
        if text:
            raise ClosedError("stdout is closed")
        return 0


def complete() -> None:
    """Put something harmless where a standard stream is missing (`>&-`).

    Otherwise the next file or connection would get its number, and with it whatever a program that
    we start writes to its stdout.
    """
    for number in _NUMBERS:
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one.
            os.open(os.devnull, os.O_RDWR)
    # The interpreter found no stream under such a number and left None in its place.
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdout = _Closed()
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # for good


def abandon() -> None:
    """Let go of streams whose reader is gone: the interpreter complains if it cannot flush them."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in _NUMBERS[1:]:
        os.dup2(nowhere, number)
    os.close(nowhere)
