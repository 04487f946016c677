"""An exception as the coordinator would send it, and what it accepts."""

from __future__ import annotations

from datetime import date

from stt_shared.protocol.records import Acceptance
from stt_shared.protocol.suppressions import (
    SuppressionRecord,
    SuppressionReply,
)
from tests.support.cli import samples

UNTIL = date(2026, 12, 1)


ACCEPTED = Acceptance(exception="x_abc", until=UNTIL, by="dba-oncall", reason="proxy only")


def suppression(**changes: object) -> SuppressionRecord:
    values: dict[str, object] = {
        "id": "x_abc",
        "check": "mysql_version",
        "site": "eu-west",
        "until": UNTIL,
        "reason": "proxy only",
        "by": "ann",
        "created": samples.NOW,
    }
    return SuppressionRecord(**(values | changes))  # type: ignore[arg-type]


def reply(findings: int = 3, *, changed: bool = True, **changes: object) -> SuppressionReply:
    return SuppressionReply(exception=suppression(**changes), findings=findings, changed=changed)
