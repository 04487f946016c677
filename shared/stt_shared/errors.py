"""The root of every error STT raises on purpose: what went wrong, and what to do about it."""

from __future__ import annotations

from typing import ClassVar

EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
EXIT_UNREACHABLE = 4
EXIT_DISABLED = 5


class SttError(Exception):
    """An error with a sentence for people, a hint that stands apart, and an exit code.

    `message` is lower case, without a full stop, and names the thing, its value and the limit.
    """

    exit_code: ClassVar[int] = EXIT_USAGE

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SttError):
    """A command was typed in a way it does not understand."""


class ConfigError(SttError):
    """A configuration file or setting is unreadable or wrong; lists every fault found."""

    def __init__(self, message: str, *, faults: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__("\n".join((message, *(f"  {fault}" for fault in faults))), hint=hint)
        self.faults = faults


class UnreachableError(SttError):
    """NATS or the coordinator cannot be reached, or did not answer in time."""

    exit_code = EXIT_UNREACHABLE


class DisabledError(SttError):
    """The checks are disabled."""

    exit_code = EXIT_DISABLED


class ProtocolError(SttError):
    """A message cannot be understood; `code` is its stable name for logs and replies."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
