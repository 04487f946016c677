"""Writes data to stdout, and progress, hints and errors to stderr."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from io import TextIOWrapper
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from stt_shared.errors import DisabledError, SttError
from stt_shared.redaction import hide_addresses
from stt_shared.report.grid import Grid, to_lines, to_tsv
from stt_shared.report.hanging import hanging
from stt_shared.report.model import Report
from stt_shared.report.objects import json_text, jsonl_text
from stt_shared.report.theme import THEME, clean
from stt_shared.report.views.table import (
    findings_grid,
    references_grid,
    rows_of_report,
    totals,
    unchecked_grid,
)

WIDTH_WITHOUT_TERMINAL = 10_000  # columns; lines in a pipe are never wrapped or cut
WIDTH_OF_PROSE = 100  # columns
OFF = ("", "0", "false")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # the disk is full


class OutputFormat(StrEnum):
    """How data is printed on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class _Console(Console):
    """A console that raises BrokenPipeError: rich would exit with 1, the code of findings."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console(
    stream: TextIO, environ: Mapping[str, str] | None = None, *, width: int | None = None
) -> Console:
    """A console on `stream`: coloured as the environment wants, never wrapped in a pipe."""
    environment = os.environ if environ is None else environ
    coloured = stream.isatty() and environment.get("TERM") != "dumb"
    if environment.get("NO_COLOR"):
        coloured = False
    elif environment.get("FORCE_COLOR", "") not in OFF:
        coloured = True
    return _Console(
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


def survive_any_encoding() -> None:
    """Escape characters that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(errors="backslashreplace")


def stdout() -> Console:
    """The console for data."""
    return console(sys.stdout)


def stderr() -> Console:
    """The console for progress, hints and errors."""
    return console(sys.stderr)


def help_console() -> Console:
    """The console for help: prose, so at most WIDTH_OF_PROSE columns wide."""
    width = shutil.get_terminal_size((WIDTH_OF_PROSE, 24)).columns
    return console(sys.stdout, width=min(width, WIDTH_OF_PROSE))


def on_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def print_text(text: str) -> None:
    """Write `text` to stdout, without credentials in addresses, ended by one line feed."""
    text = hide_addresses(text)
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
    sys.stdout.flush()


def print_rich(*parts: RenderableType) -> None:
    """Write rich renderables to stdout; outside a terminal without trailing blanks."""
    out = stdout()
    with out.capture() as capture:
        for part in parts:
            out.print(part)
    lines = capture.get().split("\n")
    text = "\n".join(lines if on_terminal() else (line.rstrip() for line in lines))
    sys.stdout.write(hide_addresses(text))
    sys.stdout.flush()


def print_hanging(lines: Iterable[Text]) -> None:
    """Write lines to stdout; what does not fit continues below the text, not below the label."""
    out = stdout()
    print_rich(*(part for line in lines for part in hanging(line, out.width)))


def note(text: str, style: str = "") -> None:
    """Write one line for people to stderr; an indented one continues indented."""
    err = stderr()
    line = Text(clean(text, keep="\n"), style=style)
    for part in hanging(line, err.width) if text.startswith(" ") else [line]:
        err.print(part)


def hint(lines: Iterable[str]) -> None:
    """Write what to do next to stderr, indented by two spaces."""
    for line in lines:
        note(f"  {line}", "hint")


def print_error(error: SttError) -> None:
    """Write `error: MESSAGE` and the hint below it to stderr.

    Disabled checks are a chosen state: DisabledError is printed without the word `error`.
    """
    head, *rest = clean(error.message, keep="\n").split("\n")
    line = Text("" if isinstance(error, DisabledError) else "error: ", style="error")
    stderr().print(line.append(head, style="default"))
    for more in rest:
        note(more)
    hint(error.hint.splitlines())


def print_exit(code: int, why: str) -> None:
    """Write the last line of stderr: the exit code and the reason for it."""
    note(f"exit {code}: {why}", "hint")


def print_grid(grid: Grid) -> None:
    """A table on a terminal, tab-separated lines in a pipe."""
    if on_terminal():
        out = stdout()
        for line in to_lines(grid, out.width):
            out.print(line)
    else:
        print_text(to_tsv(grid))


def print_message(value: object, form: OutputFormat) -> None:
    """One message as JSON: indented, or on one line."""
    print_text(json_text(value) if form is OutputFormat.JSON else jsonl_text([value]))


def print_tables(report: Report, now: datetime) -> None:
    """Print the findings of a report, what was not checked, and the totals.

    In a pipe only the findings go to stdout; the rest goes to stderr.
    """
    rows, unchecked = rows_of_report(report), unchecked_grid(report)
    lines = [*totals(report.summary)]
    out = stdout() if on_terminal() else stderr()
    for more in (unchecked, references_grid(report)):
        if more.rows:
            lines = [*to_lines(more, out.width), Text(), *lines]
    if rows or not on_terminal():
        print_grid(findings_grid(rows, now))
        lines = [Text(), *lines] if on_terminal() else lines
    for line in lines:
        out.print(line)


def print_lines(values: Iterable[object]) -> None:
    """Each value as JSON on a line of its own."""
    print_text(jsonl_text(values))
