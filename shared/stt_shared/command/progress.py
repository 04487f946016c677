"""Progress of a run on stderr: a bar on a terminal, otherwise a line every ten seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stt_shared.clock import monotonic
from stt_shared.command import output
from stt_shared.protocol.records import RunRecord

LINE_EVERY_S = 10.0

Report = Callable[[RunRecord], None]
Show = Callable[[int, int | None], None]  # how many are done, of how many; None: not known yet


@contextmanager
def of_run(title: str) -> Generator[Report]:
    """A function that shows the progress of a run; the bar is removed at the end of the block."""
    with of_many(title, "databases") as show:
        yield lambda run: show(run.done, run.jobs or None)


@contextmanager
def of_many(title: str, unit: str) -> Generator[Show]:
    """A function that shows how many are done; the bar is removed at the end of the block."""
    if not sys.stderr.isatty():
        yield _lines(title, unit)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=output.stderr(), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield show


def _lines(title: str, unit: str) -> Show:
    last = monotonic()

    def show(done: int, total: int | None) -> None:
        nonlocal last
        if monotonic() - last >= LINE_EVERY_S:
            last = monotonic()
            output.note(f"{title}: {done} of {total or 0} {unit} done")

    return show
