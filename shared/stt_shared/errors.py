"""The errors that STT raises deliberately: message, hint and exit code."""

from __future__ import annotations

from typing import ClassVar

EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
EXIT_UNREACHABLE = 4
EXIT_DISABLED = 5


class SttError(Exception):
    """An error with a message, a separate hint, and an exit code.

    `message` is lower case, without a full stop, and names the thing, its value and the limit.
    """

    exit_code: ClassVar[int] = EXIT_USAGE

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(SttError):
    """A command was used with wrong arguments."""


class ConfigError(SttError):
    """A configuration file or setting is unreadable or invalid; `faults` lists every fault."""

    def __init__(self, message: str, *, faults: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__("\n".join((message, *(f"  {fault}" for fault in faults))), hint=hint)
        self.faults = faults


class UnreachableError(SttError):
    """NATS or the coordinator cannot be reached, or did not answer in time."""

    exit_code = EXIT_UNREACHABLE


class NobodyAnswersError(UnreachableError):
    """Nobody listens on the subject of a request, or this user's account does not import it."""


class DisabledError(SttError):
    """The checks are disabled."""

    exit_code = EXIT_DISABLED


class ProtocolError(SttError):
    """A message is invalid; `code` is the stable name of the fault in logs and replies."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
