"""The report `stt.report/v1`: one object with counts and an entry per target and check."""

from __future__ import annotations

import msgspec

from stt_shared.protocol.messages import Instant
from stt_shared.protocol.records import Counts
from stt_shared.protocol.reports import ReportedResult

SCHEMA = "stt.report/v1"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `report`, `scan`, `demo --once`, `run --wait` and `findings list` print as JSON."""

    run_id: str
    started: Instant | None
    finished: Instant | None
    summary: Counts
    results: tuple[ReportedResult, ...]
    notice: str = ""  # what must be known of it: checks nobody signed, a run still under way
    schema: str = SCHEMA
