"""Scans targets once, without NATS and without a coordinator, and returns a report."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from stt_shared import clock, identity
from stt_shared.checkfile.catalogue import Catalogue, unknown_names
from stt_shared.checkfile.model import Check
from stt_shared.command.options import Connection, load_settings
from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Family, Kind
from stt_shared.protocol.messages import CheckOutcome, CheckRef, Job
from stt_shared.protocol.queries.reports import ReportedFinding, ReportedResult
from stt_shared.report.counts import of_results
from stt_shared.report.implied import with_implied
from stt_shared.report.model import Report
from stt_worker.execution.admission import AdmissionQueue
from stt_worker.execution.job import CheckDependencies, execute
from stt_worker.targets.file import load
from stt_worker.targets.model import Target
from stt_worker.targets.names import names_of
from stt_worker.targets.secrets import Secret
from stt_worker.targets.urls import Address, key_faults, parse, without_tls_if_local

SCHEDULE = "scan"
SITE = "local"
EXPIRES = timedelta(days=1)  # required by a job; without an effect here
CONCURRENCY = 8

Progress = Callable[[int, int], None]  # finished targets, all targets


def targets_to_scan(urls: Sequence[str], config: Path | None) -> list[Target]:
    """The targets of URLs and of a worker's file; raises UsageError or ConfigError."""
    found = targets_of(parse(url) for url in urls)
    if config is not None:
        found += load(config).targets
    if not found:
        hint = "give a URL: stt scan postgresql://user@host/database --ask-password"
        raise UsageError("nothing to scan", hint=hint)
    twice = [name for name, number in Counter(one.id for one in found).items() if number > 1]
    if twice:
        raise UsageError(f"two targets have the name {twice[0]!r}", hint="scan them separately")
    return found


def site_of(given: str, config: Path | None) -> str:
    """The site of the targets: as given, or that of the worker's file.

    Raises UsageError for a name that cannot be a site, ConfigError for a fault of the file.
    """
    if given and not identity.is_token(given):
        raise UsageError(f"the site {given!r} is not {identity.TOKEN_RULE}")
    if given or config is None:
        return given or SITE
    return load_settings(Connection(config=config)).worker.site


def labels_of(targets: Iterable[Target]) -> dict[str, Mapping[str, str]]:
    """The labels of each target, as the worker announces them."""
    return {target.id: target.announced().labels for target in targets}


def has_password(urls: Iterable[str]) -> bool:
    """Whether a URL contains a password, which other users can see."""
    return any(parse(url).has_password for url in urls)


def chosen(known: Catalogue, names: Iterable[str], skipped: Iterable[str] = ()) -> list[Check]:
    """The checks with these names, all without names, and without the skipped ones.

    Raises UsageError for an unknown name, and if no check is left.
    """
    wanted, left_out = list(names), list(skipped)
    if sentences := unknown_names(known, [*wanted, *left_out]):
        raise UsageError("; ".join(sentences), hint="see the checks: stt checks list")
    found = [known.find(name) for name in wanted] if wanted else list(known.checks.values())
    gone = {check.name for name in left_out if (check := known.find(name)) is not None}
    kept = {one.name: one for one in found if one is not None and one.name not in gone}
    if gone and not kept:
        raise UsageError("no check is left to run", hint="leave out fewer checks: --skip-check")
    return list(kept.values())


def advice(report: Report) -> list[str]:
    """Hints for failed TLS connections."""
    if not any(result.kind is Kind.TLS for result in report.results):
        return []
    return [
        "TLS: name the CA with ?ca=ca.pem, or use ?tls=verify-ca (the host name is not verified),",
        "?tls=require (encrypted, certificate not verified) or ?tls=off",
    ]


def without_checks(targets: Iterable[Target], checks: Iterable[Check]) -> list[str]:
    """The names of targets whose family has no check in `checks`."""
    families = {check.family for check in checks}
    return [target.id for target in targets if target.family not in families]


def targets_of(addresses: Iterable[Address]) -> list[Target]:
    """Targets with generated names; raises UsageError for a setting without an effect."""
    endpoints = [without_tls_if_local(address) for address in addresses]
    for endpoint in endpoints:
        if faults := key_faults(endpoint):
            raise UsageError(f"bad URL {endpoint.family}://...: {'; '.join(faults.values())}")
    return [
        Target(
            id=name,
            endpoint=replace(endpoint, password=""),
            secret=Secret("", endpoint.password),
        )
        for name, endpoint in zip(names_of(endpoints), endpoints, strict=True)
    ]


async def scan(
    targets: Sequence[Target],
    checks: Sequence[Check],
    dependencies: Mapping[Family, CheckDependencies],
    *,
    site: str = SITE,
    concurrency: int = CONCURRENCY,
    progress: Progress | None = None,
) -> Report:
    """Run the `checks` of its family on each target of a site; `concurrency` targets at a time.

    If a target cannot be inspected, each of its checks has a result with the reason.
    """
    started = clock.now()
    run = identity.run_id(SCHEDULE, started)
    queue = AdmissionQueue(concurrency)
    done = 0

    async def one(target: Target) -> list[ReportedResult]:
        nonlocal done
        # As many at once as a worker does: a list of a thousand URLs must not open as many
        # connections.
        async with queue.admit(target.id):
            mine = [check for check in checks if check.family is target.family]
            job = Job(
                job_id=identity.job_id(run, target.id),
                run_id=run,
                dispatch=1,
                target=target.id,
                family=target.family,
                site=site,
                checks=tuple(CheckRef(check=one.name, digest=one.digest) for one in mine),
                created=started,
                expires=started + EXPIRES,
            )
            _, outcomes = await execute(
                job, target.resolved, dependencies[target.family], now=started
            )
        done += 1
        if progress:
            progress(done, len(targets))
        return with_implied([_reported(target, one, site, started) for one in outcomes])

    found = await asyncio.gather(*(one(target) for target in targets))
    # By name: targets end in any order, and two reports have to be comparable.
    results = sorted((r for part in found for r in part), key=lambda r: (r.target, r.check))
    return Report(
        run_id=run,
        started=started,
        finished=clock.now(),
        summary=of_results(results),
        results=tuple(results),
    )


def _reported(target: Target, outcome: CheckOutcome, site: str, since: datetime) -> ReportedResult:
    return ReportedResult(
        target=target.id,
        family=target.family,
        site=site,
        check=outcome.check,
        outcome=outcome.outcome,
        kind=outcome.kind,
        reason=outcome.reason,
        findings=tuple(
            ReportedFinding(
                id=identity.finding_id(target.id, outcome.check, finding.key),
                severity=finding.severity,
                object=finding.object,
                summary=finding.summary,
                description=finding.description,
                remediation=finding.remediation,
                fix=finding.fix,
                evidence=finding.evidence,
                since=since,
                labels=finding.labels,
                read_more_url=finding.read_more_url,
                formerly=finding.formerly or msgspec.UNSET,
                implies=finding.implies,
            )
            for finding in outcome.counted
        ),
        parts_not_checked=outcome.parts_not_checked,
    )
