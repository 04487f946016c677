"""Format reports and messages as JSON or JSON lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from stt_shared.report.model import Report

_ENCODER = msgspec.json.Encoder()


def report_object(report: Report) -> dict[str, Any]:
    """`report` with its keys in the documented order; times are RFC 3339 in UTC."""
    return {
        "schema": report.schema,
        "run_id": report.run_id,
        "started": _utc(report.started),
        "finished": _utc(report.finished),
        "summary": report.summary,
        "notice": report.notice,
        "written": _utc(report.written),
        "results": report.results,
    }


def report_json(report: Report) -> str:
    """`report` as one JSON object, indented."""
    return json_text(report_object(report))


def report_jsonl(report: Report) -> str:
    """The results of `report`, one JSON object on each line."""
    return jsonl_text(report.results)


def json_text(value: object) -> str:
    """A message or container as indented JSON with a final line feed."""
    return msgspec.json.format(_ENCODER.encode(value), indent=2).decode() + "\n"


def jsonl_text(values: Iterable[object]) -> str:
    """Each value as JSON on one line."""
    return "".join(_ENCODER.encode(value).decode() + "\n" for value in values)


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)
