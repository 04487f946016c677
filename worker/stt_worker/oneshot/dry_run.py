"""Runs a check for its author: on its samples, or on a server to record its answers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stt_shared.checkfile.model import Check
from stt_shared.checkfile.policies import wants_fix
from stt_shared.checkfile.samples import Expected, Sample, parse_samples
from stt_shared.checkfile.variants import unsupported
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome, Facts, Finding, Fix
from stt_worker.databases.inspection import View
from stt_worker.databases.port import Endpoint, Failure
from stt_worker.execution import sanitize
from stt_worker.execution.job import CheckDependencies, context_of, failed
from stt_worker.execution.plan import Plan, docs_of, job_plan, plan
from stt_worker.execution.verdict import ended, outcome_of
from stt_worker.sandbox.port import Sandbox, Task, task_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRun:
    """The outcome of a check on one sample; `problems` is empty if it is as expected."""

    check: str
    sample: str
    outcome: CheckOutcome
    printed: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The outcome of a check on a server, with the `docs` of its script."""

    facts: Facts
    docs: list[Any]
    outcome: CheckOutcome
    printed: str = ""


async def on_samples(
    check: Check, samples: Sequence[Sample], sandbox: Sandbox, releases: Mapping[str, Any]
) -> list[SampleRun]:
    """Run `check` on each of `samples`."""
    tried: list[SampleRun] = []
    for sample in samples:
        task, answers = given(check, sample.docs)
        (verdict,) = await sandbox.run([task], answers, sample.context(releases))
        outcome = outcome_of(check, verdict)
        problems = (*_problems(outcome, sample), *bare(check, outcome))
        tried.append(
            SampleRun(
                check=check.name,
                sample=sample.name,
                outcome=outcome,
                printed=verdict.printed,
                problems=problems,
            )
        )
    return tried


def given(check: Check, docs: Sequence[Any]) -> tuple[Task, list[bytes]]:
    """The task of `check` with `docs`, and the answers for its places."""
    answers = [msgspec.json.encode(one) for one in docs]
    places = tuple(range(len(docs)))
    # In version 1 too: its rows are `docs`, and each of them is an answer here.
    return replace(task_of(check, places), whole=False), answers


def _problems(found: CheckOutcome, sample: Sample) -> Iterator[str]:
    if found.outcome is not sample.outcome:
        why = f" ({found.reason})" if found.reason else ""
        yield f"ended as {found.outcome}{why}, the sample expects {sample.outcome}"
        return
    if sample.reason not in found.reason:
        yield f"the reason is {found.reason!r}, the sample expects {sample.reason!r} in it"
    left = list(found.findings)
    for wanted in sample.findings:
        name = wanted.object or wanted.summary
        mine = next((one for one in left if name == (one.object or one.summary)), None)
        if mine is None:
            yield f"no finding for {name}"
            continue
        left.remove(mine)
        for key in ("severity", "summary"):
            expected, is_now = str(getattr(wanted, key)), str(getattr(mine, key))
            if expected not in ("", is_now):
                yield f"{name}: {key} is {is_now!r}, the sample expects {expected!r}"
        yield from (f"{name}: {one}" for one in differing(wanted, mine))
    for one in left:
        yield f"a finding for {one.object or one.summary}, which the sample does not expect"


def bare(check: Check, found: CheckOutcome) -> Iterator[str]:
    """The findings of a check that has to say what a remediation changes, and does not."""
    for one in found.findings if wants_fix(check) else ():
        if one.fix is None:
            name = one.object or one.summary
            yield f"{name}: the remediation is not a dict with statement, effect, before and undo"


def differing(wanted: Expected, found: Finding) -> Iterator[str]:
    """How causes and remediation differ from the expected ones, key by key where it is a dict."""
    if wanted.implied_by not in (None, found.implied_by):
        named = ", ".join(f"{one.check} {one.object}" for one in found.implied_by) or "nothing"
        yield f"it is implied by {named}, which the sample does not expect"
    expected = wanted.remediation
    if not isinstance(expected, Fix):
        if expected not in ("", found.remediation):
            yield f"remediation is {found.remediation!r}, the sample expects {expected!r}"
        return
    if found.fix is None:
        yield f"remediation is the text {found.remediation!r}, the sample expects a dict"
        return
    for key in expected.__struct_fields__:
        is_now, should = getattr(found.fix, key), getattr(expected, key)
        if is_now != should:
            yield f"remediation: {key} is {is_now!r}, the sample expects {should!r}"


async def on_server(
    check: Check, where: Endpoint, dependencies: CheckDependencies, now: datetime
) -> DryRun:
    """Run `check` on the server at `where`; raises InspectionError."""
    plans: list[Plan] = []

    def choose(facts: Facts) -> Sequence[View]:
        plans[:] = [plan(check, facts)]
        return job_plan(plans).views

    inspection = await dependencies.inspector.inspect(where, choose, dependencies.limits)
    (planned,) = plans
    if why := unsupported(check) or planned.not_applicable:
        outcome = ended(check, Outcome.SKIPPED, Kind.NOT_APPLICABLE, why)
        return DryRun(facts=inspection.facts, docs=[], outcome=outcome)
    docs = docs_of(planned, inspection.answers)
    if isinstance(docs, Failure):
        return DryRun(
            facts=inspection.facts, docs=[], outcome=failed(check, docs, inspection.facts)
        )
    task, answers = given(check, docs)
    context = context_of(inspection.facts, dependencies.catalogue, now)
    (verdict,) = await dependencies.sandbox.run([task], answers, context)
    outcome = outcome_of(check, verdict)
    return DryRun(facts=inspection.facts, docs=docs, outcome=outcome, printed=verdict.printed)


def record(file: Path, found: DryRun) -> str:
    """Append the answers of a server to the samples in `file`; returns the new sample's name.

    Values with names of secrets are hidden. Raises ConfigError, without a change, if the file
    would be invalid.
    """
    before = file.read_text(encoding="utf-8") if file.exists() else "samples:\n"
    taken = before.count("- name: recorded_")
    facts, outcome = found.facts, found.outcome
    sample: dict[str, Any] = {
        "name": f"recorded_{taken + 1}",
        "server": {
            "flavour": facts.flavour,
            "version": list(facts.version),
            "provider": facts.provider,
            "role": facts.role,
            # The reason of a skip names the text of a build that is not the original's.
            **({"version_text": facts.version_text, "build": facts.build} if facts.build else {}),
        },
        "docs": sanitize.plain(found.docs),
        "expect": str(outcome.outcome),
    }
    if outcome.outcome is Outcome.FAILED:
        sample["findings"] = [
            {"severity": str(one.severity)}
            | ({"summary": one.summary} if one.object is None else {"object": one.object})
            for one in outcome.findings
        ]
    elif outcome.reason:
        sample["reason"] = outcome.reason
    dump: Any = vars(yaml)["safe_dump"]  # its stub is partly unknown to pyright
    text = textwrap.indent(str(dump([sample], sort_keys=False, allow_unicode=True)), "  ")
    file.parent.mkdir(parents=True, exist_ok=True)
    after = f"{before.rstrip()}\n\n{text}"
    # Before the write: a file with a fault would lose the author's own samples.
    parse_samples(after, str(file))
    file.write_text(after, encoding="utf-8")
    return str(sample["name"])
