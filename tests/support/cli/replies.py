"""Replies that the tests of several commands give."""

from __future__ import annotations

from typing import Any

from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.queries.reports import ReportReply
from tests.support.cli import samples

ON = ControlState(enabled=True, since=samples.NOW, by="ann", reason="why")


def report_reply(**changes: object) -> ReportReply:
    whole = samples.report()
    values: dict[str, Any] = {
        "run_id": whole.run_id,
        "started": whole.started,
        "finished": whole.finished,
        "counts": whole.summary,
        "results": whole.results,
    }
    return ReportReply(**(values | changes))
