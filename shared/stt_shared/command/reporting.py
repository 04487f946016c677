"""Prints a report, writes it to files, and derives the exit code from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stt_shared import clock
from stt_shared.checkfile.model import Check
from stt_shared.command import output
from stt_shared.command.gate import FailOn, exit_code
from stt_shared.distribution import installed_version
from stt_shared.errors import SttError, UsageError
from stt_shared.report import readable
from stt_shared.report.counts import without_result
from stt_shared.report.formats import nagios
from stt_shared.report.formats.nagios import NotCheckedAs
from stt_shared.report.formats.names import Export, ReportFormat, export
from stt_shared.report.formats.render import render
from stt_shared.report.formats.report_context import ReportContext
from stt_shared.report.model import Report

ReportOutput = Annotated[
    ReportFormat,
    Parameter(name=["--output", "-o"], help="How the report is printed on stdout."),
]
Exports = Annotated[
    tuple[str, ...],
    Parameter(
        name="--export",
        help="Also write the report to FILE, format by its extension, or FORMAT:FILE; repeatable.",
        negative=(),
        show_default=False,
    ),
]

NotChecked = Annotated[
    NotCheckedAs,
    Parameter(
        name="--not-checked-as", help="With -o nagios: state of databases that were not checked."
    ),
]


class ExportError(SttError):
    """A report could not be written to its file."""


def files(exports: tuple[str, ...]) -> tuple[Export, ...]:
    """The files to write; raises UsageError before any work if one of them cannot be written."""
    found = tuple(export(text) for text in exports)
    for one in found:
        if one.path.is_dir() or not one.path.parent.is_dir():
            raise UsageError(f"--export {one.path}: cannot write a file there")
    if len({one.path.resolve() for one in found}) < len(found):
        raise UsageError("two --export options have the same file")
    return found


def deliver(
    report: Report,
    form: ReportFormat,
    exports: tuple[Export, ...] = (),
    checks: Mapping[str, Check] | None = None,
    *,
    tables: bool = True,
    part: str = "",
) -> None:
    """Print the report and write the files.

    `checks` are those of the report, if not the built-in ones; without `tables` the format TABLE
    prints nothing; `part` describes the filters.

    Raises ExportError for a file that cannot be written.
    """
    # What no row shows: unsigned checks, an unfinished run, missing targets.
    missing = without_result(report)
    silent = f"{readable.number(missing, 'database')} without any result" if missing else ""
    for warning in filter(None, (report.notice, silent)):
        output.note(f"warning: {warning}", "warn")
    if form is ReportFormat.TABLE and tables:
        output.print_tables(report, clock.now())
    if form is ReportFormat.TABLE and not exports:
        return
    from stt_shared.checkfile import catalogue  # noqa: PLC0415  # YAML only where it is read

    context = ReportContext(
        report=report,
        at=clock.now(),
        version=installed_version(),
        checks=catalogue.builtin().checks if checks is None else checks,
        part=part,
    )
    if form is not ReportFormat.TABLE:
        output.print_text(render(context, form))
    for one in exports:
        _write(one.path, render(context, one.form))
        if output.on_terminal():  # a scheduled job without problems prints nothing
            output.note(f"Written: {one.path} ({one.form})", "hint")


def _write(path: Path, text: str) -> None:
    """Replace `path` with `text` atomically; a device or a pipe is written directly."""
    there = path.resolve()
    try:
        if there.exists() and not there.is_file():
            there.write_text(text, encoding="utf-8", newline="")
            return
        # In the same folder: a rename to another file system is not atomic.
        beside = there.with_name(f".{there.name}.{os.getpid()}")
        try:
            with beside.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
            # Whole or not at all: a reader never finds half a report.
            beside.replace(there)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in output.FULL:
            raise
        why = (error.strerror or "").lower()
        raise ExportError(f"cannot write the report to {path} ({why})") from error


def finish(
    report: Report,
    form: ReportFormat,
    fail_on: FailOn,
    *,
    allow_incomplete: bool = False,
    disabled: bool = False,
    left_out: int = 0,
    without_result: int = 0,
    nothing: bool = False,
) -> int:
    """The exit code, with its reason on stderr; with -o nagios the code of a plugin."""
    if form is ReportFormat.NAGIOS:
        as_ = NotCheckedAs.OK if allow_incomplete else NotCheckedAs.UNKNOWN
        return nagios.state(report.summary, as_, without_result=without_result, disabled=disabled)
    code, why = exit_code(
        report.summary,
        fail_on,
        allow_incomplete=allow_incomplete,
        disabled=disabled,
        left_out=left_out,
        without_result=without_result,
        nothing=nothing,
    )
    if code:
        output.print_exit(code, why)
    return code
