"""Reports and messages as JSON: one object, or one line for each part."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from stt_shared.report.model import Report

_ENCODER = msgspec.json.Encoder()


def report_object(report: Report) -> dict[str, Any]:
    """`report` with its keys in the documented order; times are RFC 3339 UTC."""
    return {
        "schema": report.schema,
        "run_id": report.run_id,
        "started": _utc(report.started),
        "finished": _utc(report.finished),
        "summary": report.summary,
        "notice": report.notice,
        "results": report.results,
    }


def report_json(report: Report) -> str:
    """`report` as one JSON object, indented."""
    return json_text(report_object(report))


def report_jsonl(report: Report) -> str:
    """The results of `report`, one JSON object a line."""
    return jsonl_text(report.results)


def json_text(value: object) -> str:
    """Any message or container as indented JSON, ended by a line feed."""
    return msgspec.json.format(_ENCODER.encode(value), indent=2).decode() + "\n"


def jsonl_text(values: Iterable[object]) -> str:
    """Each value as JSON on a line of its own."""
    return "".join(_ENCODER.encode(value).decode() + "\n" for value in values)


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)
