"""What goes to which stream: data to stdout, progress, hints and errors to stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from stt_shared.errors import SttError
from stt_shared.report.theme import THEME, clean

WIDTH_WITHOUT_TERMINAL = 10_000  # columns; nothing is ever folded or cut in a pipe
WIDTH_OF_PROSE = 100  # columns
OFF = ("", "0", "false")


class OutputFormat(StrEnum):
    """How data is printed on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


def _colour_system(stream: TextIO, environ: Mapping[str, str]) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "") not in OFF:
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def console(
    stream: TextIO, environ: Mapping[str, str] | None = None, *, width: int | None = None
) -> Console:
    """A console on `stream`: colours only where they are wanted, never folded in a pipe."""
    environment = os.environ if environ is None else environ
    coloured = _colour_system(stream, environment)
    return Console(
        file=stream,
        theme=THEME,
        force_terminal=True if coloured else None,
        no_color=not coloured,
        color_system="auto" if coloured else None,
        width=width or (None if stream.isatty() else WIDTH_WITHOUT_TERMINAL),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ=dict(environment),
    )


def stdout() -> Console:
    """Where data goes."""
    return console(sys.stdout)


def stderr() -> Console:
    """Where progress, hints and errors go."""
    return console(sys.stderr)


def help_console() -> Console:
    """Where help goes: prose, so never wider than WIDTH_OF_PROSE."""
    width = shutil.get_terminal_size((WIDTH_OF_PROSE, 24)).columns
    return console(sys.stdout, width=min(width, WIDTH_OF_PROSE))


def on_terminal() -> bool:
    """Whether data is read by a person right now."""
    return sys.stdout.isatty()


def print_text(text: str) -> None:
    """Write `text` to stdout as it is, ended by one line feed."""
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
    sys.stdout.flush()


def print_rich(*parts: RenderableType) -> None:
    """Write what rich can draw to stdout."""
    out = stdout()
    for part in parts:
        out.print(part)


def note(text: str, style: str = "") -> None:
    """Write one line for people to stderr."""
    stderr().print(Text(clean(text, keep="\n"), style=style))


def hint(lines: Iterable[str]) -> None:
    """Write what to do next to stderr, two spaces in."""
    for line in lines:
        note(f"  {line}", "hint")


def print_error(error: SttError) -> None:
    """Write `error: what went wrong` and the hint below it to stderr."""
    head, *rest = clean(error.message, keep="\n").split("\n")
    line = Text("error: ", style="error").append(head, style="default")
    stderr().print(line)
    for more in rest:
        note(more)
    hint(error.hint.splitlines())


def print_exit(code: int, why: str) -> None:
    """Write the last line of stderr: the exit code and the reason for it."""
    note(f"exit {code}: {why}", "hint")
