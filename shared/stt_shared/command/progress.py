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


@contextmanager
def of_run(title: str) -> Generator[Report]:
    """A function that shows the progress of a run; the bar is removed at the end of the block."""
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=output.stderr(), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def report(run: RunRecord) -> None:
            bar.update(task, completed=run.done, total=run.jobs or None)

        yield report


def _lines(title: str) -> Report:
    last = monotonic()

    def report(run: RunRecord) -> None:
        nonlocal last
        if monotonic() - last >= LINE_EVERY_S:
            last = monotonic()
            output.note(f"{title}: {run.done} of {run.jobs} databases done")

    return report
