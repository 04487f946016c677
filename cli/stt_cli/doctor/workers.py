"""Lines about the workers: silent ones, versions, clocks, outboxes, sites without a worker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from stt_cli.doctor.diagnostic_line import DiagnosticLine, Unknown, fail, ok, unknown, warn
from stt_cli.doctor.server import MAX_SKEW
from stt_shared.protocol.control import StatusReply, WorkerInfo
from stt_shared.protocol.queries.health import HealthReply
from stt_shared.report import readable

MANY_WAITING = 1_000  # results in one outbox that the coordinator has not acknowledged
START = "start one: stt worker --config worker.toml"


def lines(reply: StatusReply, health: HealthReply | Unknown, now: datetime) -> list[DiagnosticLine]:
    """The lines about workers and their targets."""
    found = [_here(reply, health, now)]
    if reply.workers:
        found.append(_waiting(reply.workers))
    if isinstance(health, Unknown):
        return [*found, _targets(reply), *health.lines("worker versions", "worker clocks", "sites")]
    if reply.workers:
        found += [_versions(reply.workers, health.version), _clocks(reply.workers, health)]
    return [*found, _targets(reply), _sites(health)]


def _here(reply: StatusReply, health: HealthReply | Unknown, now: datetime) -> DiagnosticLine:
    silent = [one for one in reply.workers if one.state != "up"]
    up = len(reply.workers) - len(silent)
    limit = "" if isinstance(health, Unknown) else f" (limit {health.silent_after_s:g} s)"
    names = [
        f"{one.worker} (site {one.site}, since {readable.moment(one.last_heard, now)})"
        for one in silent
    ]
    if not up:
        seen = (
            f"none up, silent: {readable.first_names(names)}"
            if silent
            else "no worker has ever announced itself"
        )
        return fail("workers", seen, START)
    if silent:
        todo = "read their logs and restart them: journalctl -u stt-worker"
        return warn("workers", f"{up} up, silent{limit}: {readable.first_names(names)}", todo)
    return ok("workers", f"{up} up{limit}")


def _waiting(workers: Sequence[WorkerInfo]) -> DiagnosticLine:
    what = "worker outboxes"
    most = max(workers, key=lambda one: one.outbox)
    seen = f"at most {most.outbox} results wait in one outbox (limit {MANY_WAITING})"
    if most.outbox > MANY_WAITING:
        todo = "read the coordinator's log and check the free space on its disk"
        return warn(what, f"{seen}: {most.worker}", todo)
    return ok(what, seen)


def _versions(workers: Sequence[WorkerInfo], version: str) -> DiagnosticLine:
    what, ours = "worker versions", numbers(version)
    up = [one for one in workers if one.state == "up"]
    # First: releases under development have one number.
    if without := [f"{one.worker} {one.version}" for one in up if not one.sends_nonce]:
        seen = f"older release than the coordinator, no nonce: {readable.first_names(without)}"
        todo = "upgrade and restart them; `stt status` says whether their results are accepted"
        return warn(what, seen, todo)
    old = [f"{one.worker} {one.version}" for one in up if numbers(one.version) < ours]
    new = [f"{one.worker} {one.version}" for one in up if numbers(one.version) > ours]
    if not up:
        return unknown(what, "no worker is up", START)
    if new:
        seen = f"newer than the coordinator ({version}): {readable.first_names(new)}"
        return warn(what, seen, "upgrade the coordinator")
    if old:
        seen = f"older than the coordinator ({version}): {readable.first_names(old)}"
        return warn(what, seen, "upgrade and restart them")
    return ok(what, f"same as the coordinator, {version}")


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparison; empty if there are none."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _clocks(workers: Sequence[WorkerInfo], health: HealthReply) -> DiagnosticLine:
    what, limit = "worker clocks", MAX_SKEW.total_seconds()
    up = [one.worker for one in workers if one.state == "up"]
    skews = {name: health.skews[name] for name in up if name in health.skews}
    if late := [f"{name} {skew:+.1f} s" for name, skew in skews.items() if abs(skew) > limit]:
        seen = (
            f"differ from the coordinator's clock: {readable.first_names(late)} (limit {limit:g} s)"
        )
        return warn(
            what,
            seen,
            "synchronise them (NTP; see: timedatectl): packs expire by them",
        )
    if missing := [name for name in up if name not in skews]:
        because = f"no announcement since the coordinator started: {readable.first_names(missing)}"
        return unknown(what, because, "run it again in 15 s: stt doctor")
    if not skews:
        return unknown(what, "no worker is up", START)
    worst = max(map(abs, skews.values()))
    return ok(what, f"differ by at most {worst:.1f} s from the coordinator's (limit {limit:g} s)")


def _targets(reply: StatusReply) -> DiagnosticLine:
    amount = reply.summary.counts.targets
    if amount:
        return ok("targets", readable.number(amount, "database"))
    return warn("targets", "none", "list them in the worker's file: worker.toml")


def _sites(health: HealthReply) -> DiagnosticLine:
    what = "sites"
    if not health.unserved:
        return ok(what, "each site with targets has a worker")
    unserved = [f"{site} ({readable.number(n, 'database')})" for site, n in health.unserved.items()]
    todo = "start a worker there: stt worker --config worker.toml --site SITE"
    return fail(what, f"no worker is up at {readable.first_names(unserved)}", todo)
