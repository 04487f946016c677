"""PMM's check files on a real server: our outcome, and the one PMM's own rules would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.protocol.messages import CheckOutcome
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.port import Database, Endpoint
from stt_worker.execution.job import CheckDependencies
from stt_worker.execution.verdict import SEVERITIES
from stt_worker.oneshot.scan import scan
from stt_worker.sandbox.port import Returned, Sandbox, Task, Verdict
from stt_worker.targets.model import Target
from stt_worker.targets.secrets import Secret

STORES = ("METRICS_INSTANT", "METRICS_RANGE", "CLICKHOUSE_SELECT")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a check ended: a word, why, and its findings as (severity, summary)."""

    outcome: str
    reason: str = ""
    findings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One check on one server; `theirs` is None where a question got no answer to evaluate."""

    check: Check
    ours: Ended
    theirs: Ended | None = None

    @property
    def same(self) -> bool:
        """Whether the word and every finding are those of PMM."""
        theirs = self.theirs or Ended(outcome="error")
        return (self.ours.outcome, self.ours.findings) == (theirs.outcome, theirs.findings)


@dataclass
class Recorder:
    """A sandbox that keeps how each script ended."""

    inner: Sandbox
    verdicts: list[Verdict] = field(default_factory=list[Verdict])

    async def run(
        self, tasks: Sequence[Task], answers: Sequence[bytes], context: Mapping[str, Any]
    ) -> list[Verdict]:
        verdicts = await self.inner.run(tasks, answers, context)
        self.verdicts += verdicts
        return verdicts

    async def define(self, tasks: Sequence[Task]) -> list[str]:
        return await self.inner.define(tasks)

    async def close(self) -> None:
        await self.inner.close()


async def compare(
    catalogue: Catalogue, where: Endpoint, database: Database, sandbox: Sandbox
) -> list[Compared]:
    """Every check of the server's family, each in a job of its own."""
    return [
        await _compared(check, catalogue, where, database, sandbox)
        for check in catalogue.of(where.family)
    ]


async def _compared(
    check: Check, catalogue: Catalogue, where: Endpoint, database: Database, sandbox: Sandbox
) -> Compared:
    recorder = Recorder(sandbox)
    dependencies = CheckDependencies(
        inspector=DirectInspector(database), catalogue=catalogue, sandbox=recorder
    )
    target = Target(id="t", endpoint=where, secret=Secret("", where.password))
    report = await scan([target], [check], {where.family: dependencies})
    verdict = recorder.verdicts[0] if recorder.verdicts else None
    return Compared(check=check, ours=_ours(report.results[0]), theirs=_theirs(verdict))


def needs_a_store(check: Check) -> bool:
    """Whether PMM would ask its own metrics or query store."""
    return any(query.type in STORES for query in check.queries)


def _ours(result: Any) -> Ended:
    outcome = cast("CheckOutcome", result)
    findings = tuple(sorted((str(one.severity), one.summary) for one in outcome.findings))
    return Ended(outcome=str(outcome.outcome), reason=outcome.reason, findings=findings)


def _theirs(verdict: Verdict | None) -> Ended | None:
    """What PMM would make of the same script's end: the language is one, the rules are not."""
    if verdict is None:
        return None
    if not isinstance(verdict, Returned):
        return Ended(outcome="error", reason=verdict.reason)
    return as_pmm(verdict.value)


def as_pmm(value: object) -> Ended:
    """A returned value by PMM's rules: one bad finding, and the whole check is an error."""
    if not isinstance(value, list):
        return Ended(outcome="error", reason=f"returned {type(value).__name__}")
    findings = cast("list[dict[str, Any]]", value)
    if not all(_is_good(one) for one in findings):
        return Ended(outcome="error", reason="a finding breaks the rules")
    found = sorted((str(SEVERITIES[one["severity"]]), str(one["summary"])) for one in findings)
    return Ended(outcome="failed" if found else "passed", findings=tuple(found))


def _is_good(finding: object) -> bool:
    if not isinstance(finding, dict):
        return False
    one = cast("dict[str, Any]", finding)
    texts = (one.get("summary"), one.get("severity"), one.get("description") or "")
    address = one.get("read_more_url") or ""
    return (
        all(isinstance(text, str) for text in texts)
        and bool(one.get("summary"))
        and one.get("severity") in SEVERITIES
        and (not address or bool(urlsplit(address).scheme))
    )
