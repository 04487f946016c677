"""What the checks of MongoDB say about each user, in the words of the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.messages import CheckOutcome
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.port import Endpoint, Limits

CHECKS = (
    *("mongodb_superuser_roles", "mongodb_system_role", "mongodb_unbounded_custom_roles"),
    "mongodb_multi_db_users",
)
ROOT = frozenset(
    {"grants_any_role", "writes_users", "writes_roles", "is_a_member", "may_do_anything"}
)
POWER = ROOT | {"changes_all_data", "runs_the_cluster"}
FEW = 3  # administrators of admin that are not reported
Rows = list[dict[str, Any]]


async def rows_of(where: Endpoint) -> Rows:
    """The answer that all checks of users share."""
    check = builtin().checks["mongodb_superuser_roles"]
    (question,) = (one.what for one in check.queries if one.type is QueryType.MONGODB_USERS)
    assert isinstance(question, Question)
    found = await MongodbDatabase().inspect(where, lambda _: [question], Limits())
    rows = found.answers[question]
    assert isinstance(rows, list), rows
    return rows


def gains(rows: Rows) -> dict[tuple[str, str], set[str]]:
    """The gains of each user; who can make himself root has no others beside that."""
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row["kind"] == "user":
            tests = {gain["test"] for gain in row["gains"]}
            found[row["user"], row["db"]] = {"root"} if tests & ROOT else tests
    return found


def contradictions(rows: Rows, outcomes: Mapping[str, CheckOutcome]) -> list[str]:
    """Where findings are not what the rows ask for: each user with power is in one."""
    for outcome in outcomes.values():
        assert outcome.outcome in {"passed", "failed"}, outcome
    findings = {str(one.object): one for one in outcomes["mongodb_superuser_roles"].findings}
    administrators = findings.pop("administrators", None)
    counted = {row["user"] for row in administrators.evidence} if administrators else set[str]()
    wrong: list[str] = []
    for row in rows:
        if row["kind"] != "user":
            continue
        name = f"{row['user']}@{row['db']}"
        direct = [one for one in row["gains"] if one["test"] in POWER and not one["through"]]
        power = bool({one["test"] for one in row["gains"]} & POWER)
        hidden = power and not (row["db"] == "admin" and direct)
        if (name in findings) != hidden or (
            administrators and (name in counted) != (power and not hidden)
        ):
            wrong.append(f"{name}: {row['gains']} and the findings {sorted(findings)}")
    return wrong
