"""The report formats, and the format for the name of a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stt_shared.errors import UsageError


class ReportFormat(StrEnum):
    """The format of a report."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MD = "md"
    HTML = "html"
    SARIF = "sarif"
    JUNIT = "junit"
    OCSF = "ocsf"
    NAGIOS = "nagios"


# The longest matching ending decides: `.sarif.json` before `.json`.
ENDINGS = {
    ".sarif.json": ReportFormat.SARIF,
    ".ocsf.json": ReportFormat.OCSF,
    ".sarif": ReportFormat.SARIF,
    ".ocsf": ReportFormat.OCSF,
    ".json": ReportFormat.JSON,
    ".jsonl": ReportFormat.JSONL,
    ".csv": ReportFormat.CSV,
    ".md": ReportFormat.MD,
    ".html": ReportFormat.HTML,
    ".htm": ReportFormat.HTML,
    ".xml": ReportFormat.JUNIT,
    ".txt": ReportFormat.TABLE,
}


@dataclass(frozen=True, slots=True)
class Export:
    """A file that a report is written to, and its format."""

    path: Path
    form: ReportFormat


def export(text: str) -> Export:
    """`FILE` with a known ending, or `FORMAT:FILE`; raises UsageError for anything else."""
    prefix, colon, rest = text.partition(":")
    if colon and prefix in set(ReportFormat):
        if not rest:
            raise UsageError(f"--export {text} names no file")
        return Export(Path(rest), ReportFormat(prefix))
    name = Path(text).name.lower()
    form = next((form for ending, form in ENDINGS.items() if name.endswith(ending)), None)
    if form is None:
        raise UsageError(
            f"--export {text}: no report format has this ending",
            hint=f"known: {', '.join(ENDINGS)}\nor name the format: --export sarif:FILE",
        )
    return Export(Path(text), form)
