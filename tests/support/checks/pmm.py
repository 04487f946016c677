"""PMM's check files on a real server: our end, and PMM's, each from its own rows and engine.

PMM's end is that of the script as it stands in the file, in starlark-go, with rows that plain
drivers read for the queries as they stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome
from stt_worker.databases.inspection import DirectInspector
from stt_worker.execution.job import CheckDependencies
from stt_worker.oneshot.scan import scan
from stt_worker.targets.model import Target
from stt_worker.targets.secrets import Secret
from tests.support.checks import go, go_rows
from tests.support.checks.go import GoEnd, GoFinding
from tests.support.checks.real import CheckRunner, endpoint

STORES = ("METRICS_INSTANT", "METRICS_RANGE", "CLICKHOUSE_SELECT")
Written = Mapping[str, Any]  # a check as it stands in its file


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One check on one server."""

    check: Check
    ours: GoEnd
    theirs: GoEnd

    @property
    def same(self) -> bool:
        """Whether the word and every finding whole are those of PMM."""
        return self.ours == self.theirs

    @property
    def difference(self) -> tuple[GoEnd, GoEnd]:
        """Both ends, with the findings that only one side has."""
        ours, theirs = set(self.ours.findings), set(self.theirs.findings)
        return (
            replace(self.ours, findings=tuple(ours - theirs)),
            replace(self.theirs, findings=tuple(theirs - ours)),
        )


async def compare(
    folder: Path, pack: Catalogue, server: Running, runner: CheckRunner, family: Family
) -> list[Compared]:
    """Every check of the server's family, each in a job of its own."""
    files = written(folder)
    return [
        Compared(
            check=check,
            ours=await _ours(check, pack, server, runner, family),
            theirs=_theirs(files[check.name], server),
        )
        for check in pack.of(family)
    ]


def written(folder: Path) -> dict[str, Written]:
    """The checks in the files of `folder` by name, as another reader of YAML finds them."""
    found: dict[str, Written] = {}
    for path in folder.iterdir():
        if path.suffix.lower() in {".yml", ".yaml"}:
            for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                found |= {one["name"]: one for one in document["checks"]}
    return found


def needs_a_store(check: Check) -> bool:
    """Whether PMM would ask its own metrics or query store."""
    return any(query.type in STORES for query in check.queries)


async def _ours(
    check: Check, pack: Catalogue, server: Running, runner: CheckRunner, family: Family
) -> GoEnd:
    dependencies = CheckDependencies(
        inspector=DirectInspector(runner.databases[family]), catalogue=pack, sandbox=runner.sandbox
    )
    where = endpoint(server, family)
    target = Target(id="t", endpoint=where, secret=Secret("", where.password))
    report = await scan([target], [check], {family: dependencies})
    outcome = cast("CheckOutcome", report.results[0])
    findings = sorted(
        GoFinding(
            severity=str(one.severity),
            summary=one.summary,
            description=one.description,
            read_more_url=one.read_more_url,
            labels=tuple(sorted(one.labels.items())),
        )
        for one in outcome.findings
    )
    return GoEnd(outcome=str(outcome.outcome), findings=tuple(findings), reason=outcome.reason)


def _theirs(check: Written, server: Running) -> GoEnd:
    queries = check.get("queries") or [{"type": check["type"], "query": check.get("query", "")}]
    if any(one["type"] in STORES for one in queries):
        return GoEnd(outcome="error", reason="asks a store of PMM")
    try:
        docs = [_rows(server, one) for one in queries]
    except go_rows.QueryError as error:
        return GoEnd(outcome="error", reason=str(error))
    return go.run(check["script"], docs[0] if check["version"] == 1 else docs)


def _rows(server: Running, query: Written) -> object:
    given = query.get("parameters") or {}
    every = str(given.get("all_dbs", False)).lower() in {"1", "t", "true"}
    return go_rows.rows(server, query["type"], str(query.get("query") or ""), all_dbs=every)
