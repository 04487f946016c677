"""How scripts end early: by skip() and the like, which raise, or return where that is the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stt_worker.sandbox.port import SCRIPT_OUTPUT_BYTES
from stt_worker.sandbox.wire import Ending

ENTRY = "check_context"
STOPS = {"skip": Ending.SKIPPED, "not_applicable": Ending.NOT_APPLICABLE}
RETURNING = {name: f"_{name}_by_return" for name in STOPS}
# The entry: its lines up to the next one that is neither indented nor empty.
_ENTRY = re.compile(rf"^def {ENTRY}\(.*\n(?:(?:[ \t].*)?\n)*(?:[ \t].*)?", re.MULTILINE)
_FUNCTION = re.compile(r"\bdef\b")
_BOUND = re.compile(rf"\bdef\s+(?:{'|'.join(STOPS)})\b")
_NAMES = re.compile(rf"\b({ENTRY}|{'|'.join(STOPS)})\b(\(|-\w)?")
# A line that is nothing but the call, with a plain text: more could go on after it.
_STATEMENT = re.compile(
    rf"""^([ \t]+)(?:return )?({"|".join(STOPS)})\((?=(?:"[^"\\\n]*"|'[^'\\\n]*')\)[ \t]*$)""",
    re.MULTILINE,
)
# In texts of several lines a line may be anything; nobody but us may call what does not raise.
_UNSURE = ('"""', "'''", "\\\n", "\r", "\f", *RETURNING.values())


class StopError(Exception):
    """Raised by fail(), skip() and not_applicable(); scripts cannot catch it."""


@dataclass(frozen=True, slots=True)
class EarlyEnd:
    """The script of `digest` ended early and returned None."""

    digest: str
    ending: Ending
    text: str


class Run:
    """The calls of the current scripts: what they printed and how they stopped."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Reset for the next evaluation."""
        self.printed: list[str] = []
        self.size = 0
        self.stopped: tuple[Ending, str] | None = None
        self.returned: list[EarlyEnd] = []

    def print(self, line: str) -> None:
        """Keep a printed line; raises ValueError above the limit."""
        self.size += len(line) + 1
        if self.size > SCRIPT_OUTPUT_BYTES:
            raise ValueError(f"printed more than the limit of {SCRIPT_OUTPUT_BYTES} bytes")
        self.printed.append(line)

    def stopping(self, ending: Ending, prefix: str = "") -> Callable[[Any], None]:
        """A function that stops the script with this ending."""

        def stop(message: Any) -> None:
            self.stopped = ending, f"{prefix}{message}"
            raise StopError

        return stop

    def returning(self, digest: str) -> dict[str, Callable[[Any], None]]:
        """Functions that record the end of the script, which then returns what they return."""

        def recording(ending: Ending) -> Callable[[Any], None]:
            return lambda message: self.returned.append(EarlyEnd(digest, ending, str(message)))

        return {RETURNING[name]: recording(ending) for name, ending in STOPS.items()}

    def refuse_number(self) -> None:
        """Called by driver.star for NaN and infinity; raises ValueError."""
        raise ValueError("returned a number that is not finite")

    def refuse_key(self) -> None:
        """Called by driver.star for a key of a dict that is no text; raises ValueError."""
        raise ValueError("returned a dict with a key that is not a text")


def with_returns(source: str) -> str:
    """`source` with a return for each call of skip() and the like that is a statement of its entry.

    An evaluation that raises takes ten times as long, and ends for all scripts that run together.
    The lines stay the same. `source` is unchanged where that could change what it does; where
    Starlark cannot parse the new text, it was no statement. Such scripts raise.
    """
    # By its text: a parser of Python takes longer than the engine does for the whole library.
    names = _NAMES.findall(source)
    if not names or any(word in source for word in _UNSURE) or _BOUND.search(source):
        return source
    entries = list(_ENTRY.finditer(source))
    # Behind each name a parenthesis or what only words in texts have, and the entry once: none is
    # bound or handed on.
    if len(entries) != 1 or any(not harmless for _, harmless in names):
        return source
    if sum(name == ENTRY for name, _ in names) != 1 or _FUNCTION.search(entries[0][0], 1):
        return source
    start, end = entries[0].span()
    body = _STATEMENT.sub(lambda found: f"{found[1]}return {RETURNING[found[2]]}(", entries[0][0])
    return f"{source[:start]}{body}{source[end:]}"
