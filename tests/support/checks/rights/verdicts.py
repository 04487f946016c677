"""What the checks of PostgreSQL say about each role, in the words of the oracle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Server
from stt_shared.checkfile.variants import choose
from stt_shared.protocol.messages import CheckOutcome

CHECKS = (
    *("postgresql_super_role", "postgresql_server_program_roles", "postgresql_data_roles"),
    *("postgresql_createrole", "postgresql_bypassrls", "postgresql_replication_role"),
)
OPTIONS = 16  # before that version CREATEROLE means every role but a superuser
UNCHECKED = ("pg_monitor", "pg_read_all_settings")  # no check: the answer of the query itself


@dataclass
class Verdict:
    """The gains of each role, and the roles that become any but a superuser by CREATEROLE."""

    gains: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    makers: set[str] = field(default_factory=set[str])


def verdict_of(outcomes: Mapping[str, CheckOutcome], major: int) -> Verdict:
    """What the outcomes say; an error or an undecided check is an assertion."""
    verdict = Verdict()
    for check, outcome in outcomes.items():
        missing = check == "postgresql_data_roles" and outcome.kind == "not_applicable"
        assert missing or outcome.outcome in {"passed", "failed"}, outcome
        for finding in outcome.findings:
            (evidence,) = finding.evidence
            _add(verdict, check, str(finding.object), evidence)
    if major < OPTIONS:
        verdict.makers = {role for role, gains in verdict.gains.items() if "createrole" in gains}
    return verdict


def _add(verdict: Verdict, check: str, role: str, evidence: Any) -> None:
    gains = verdict.gains
    if check == "postgresql_super_role":
        gains[role].add("super")
    elif "member_of" in evidence:
        gains[role].update(evidence["member_of"])
    elif check == "postgresql_replication_role":
        for user in evidence["who_may_become_it"]:
            gains[user].add("replication")
        for user in evidence["who_may_log_in"]:
            gains[user].add("base_backup")
    else:
        gain = check.removeprefix("postgresql_")
        for user in [*evidence["who_may_become_it"], *([role] if evidence["can_log_in"] else [])]:
            gains[user].add(gain)


def of_the_query(connection: psycopg.Connection[Any], major: int) -> set[tuple[str, str]]:
    """Role and predefined role, where no check but the model says that the one has the other."""
    chosen = choose(
        builtin().checks["postgresql_super_role"], Server(flavour="postgresql", version=(major,))
    )
    text = next(query.text for query in chosen.queries if query.name == "rights")
    cursor = connection.cursor(row_factory=dict_row)
    rows = cursor.execute(f"SELECT {text}".encode()).fetchall()
    return {(row["role"], row["target"]) for row in rows if row["target"] in UNCHECKED}
