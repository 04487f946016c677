"""The report `stt.report/v1`: counts, and a result for each target and check."""

from __future__ import annotations

import msgspec

from stt_shared.protocol.messages import Instant
from stt_shared.protocol.queries.reports import ReportedResult
from stt_shared.protocol.records import Counts

SCHEMA = "stt.report/v1"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON output of `report`, `scan`, `demo --once`, `run --wait` and `findings list`."""

    run_id: str
    started: Instant | None
    finished: Instant | None
    summary: Counts
    results: tuple[ReportedResult, ...]
    notice: str = ""  # a caveat: unsigned checks, an unfinished run
    written: Instant | None = None  # when it was asked for, if it is of the current state
    schema: str = SCHEMA
