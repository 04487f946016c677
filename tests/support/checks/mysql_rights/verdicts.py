"""What the checks say about each account of MySQL or MariaDB, in the words of the oracle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stt_shared.protocol.messages import CheckOutcome, Finding

ALONE = {
    "mysql_file_privilege": "FILE",
    "mysql_process_privilege": "PROCESS",
    "mysql_create_user_privilege": "CREATE USER",
}
PARTS = {"SYSTEM_VARIABLES_ADMIN", "BINLOG ADMIN"}
WRITING = {"INSERT", "UPDATE", "DELETE", "DROP", "ALTER"}
EVERYBODY = "mysql_public_role_grants"
CHECKS = (*ALONE, "mysql_super_privilege", "mysql_system_schema_grants", EVERYBODY)


@dataclass
class Verdict:
    """What each account gains, and what everybody does by a role or grant for all."""

    gains: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    everybody: set[str] = field(default_factory=set[str])


def verdict_of(outcomes: Mapping[str, CheckOutcome]) -> Verdict:
    """What the outcomes say; an error or an undecided check is an assertion."""
    verdict = Verdict()
    for check, outcome in outcomes.items():
        assert outcome.outcome in {"passed", "failed"}, outcome
        for finding in outcome.findings:
            gains = verdict.everybody
            if check != EVERYBODY:
                gains = verdict.gains[str(finding.object)]
            gains |= {ALONE[check]} if check in ALONE else _of(finding)
    return verdict


def _of(finding: Finding) -> set[str]:
    found: set[str] = set()
    for row in finding.evidence:
        words = _words(row)
        found |= words & {*PARTS, *ALONE.values()}
        if "on" in row:
            found |= {"reads" if one.startswith("SELECT") else "writes" for one in words}
        else:
            found |= {"reads"} if "SELECT" in words else set()
            found |= {"writes"} if words & WRITING else set()
    return found


def _words(row: Any) -> set[str]:
    return {one for one in row.get("privileges", "").split(", ") if one}
