"""What the coordinator says of itself, its store, its pack, its workers and its targets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from stt_shared.cli.diagnosis.line import Line, fail, ok, warn
from stt_shared.cli.diagnosis.server import clock_skew
from stt_shared.protocol.control import PackStatus, StatusReply
from stt_shared.protocol.health import HealthReply, StoreHealth
from stt_shared.report import words
from stt_shared.report.status import switch_sentence

OLD_DATA, TOO_OLD_DATA = timedelta(days=60), timedelta(days=180)  # as the version checks have it
ENDS_SOON = timedelta(days=30)
NOT_FETCHED = timedelta(days=3)  # a pack is fetched before every scheduled run
MIN_FREE, LOW_FREE = 100 << 20, 1 << 30  # bytes
LARGE_LOG = 512 << 20  # bytes; a reader that does not end keeps it from being cut
MIB = 1 << 20


def control(reply: StatusReply, now: datetime) -> list[Line]:
    """What the coordinator says of itself, its workers and its targets."""
    lines = [ok("coordinator", switch_sentence(reply.state, now))]
    lines.append(pack(reply.pack, now))
    lines.append(_workers(reply, now))
    targets = reply.summary.counts.targets
    if targets:
        lines.append(ok("targets", words.number(targets, "target")))
    else:
        lines.append(warn("targets", "none", "list them in the worker's file: worker.toml"))
    todo = "see the coordinator's log"
    lines.extend(warn("coordinator", degraded, todo) for degraded in reply.degraded)
    return lines


def _workers(reply: StatusReply, now: datetime) -> Line:
    down = [worker for worker in reply.workers if worker.state != "up"]
    up = len(reply.workers) - len(down)
    if not up:
        return fail("workers", "none up", "start one: stt worker --config worker.toml")
    if down:
        names = ", ".join(f"{one.worker} ({words.moment(one.last_heard, now)})" for one in down)
        return warn("workers", f"{up} up, down since: {names}", "start them again")
    return ok("workers", f"{up} up")


def pack(status: PackStatus | None, now: datetime) -> Line:
    """Whether the checks in use are believed, and for how long."""
    if status is None:
        return ok("checks", "those of the installation")
    seen = f"pack {status.name}, serial {status.serial}, from {status.source}"
    if status.expires is not None and status.expires <= now:
        todo = "publish a newer one: stt pack build, stt pack sign"
        return fail("pack", f"{seen}, expired {words.moment(status.expires, now)}", todo)
    if not status.key:
        return warn("pack", f"{seen}, signed by nobody", "sign it: stt pack sign")
    if status.expires is not None and status.expires - now < ENDS_SOON:
        ends = f"{seen}, expires {words.moment(status.expires, now)}"
        return warn("pack", ends, "publish a newer one before that day, or its checks stop")
    if now - status.fetched > NOT_FETCHED:
        old = f"{seen}, fetched {words.moment(status.fetched, now)}"
        return warn("pack", old, "look at the source: it is fetched before every scheduled run")
    return ok("pack", f"{seen}, signed by {status.key}")


def health(reply: HealthReply, status: StatusReply, now: datetime) -> list[Line]:
    """What the coordinator saw of itself."""
    lines = [clock_skew(reply.now, now, "the coordinator")]
    for part in reply.parts:
        if not part.is_well:
            todo = "look at the coordinator's log"
            lines.append(fail(f"coordinator's {part.name}", part.seen, todo))
    if reply.store is not None:
        lines += store(reply.store)
    lines.append(releases(reply.releases_as_of, now.date()))
    for site, number in reply.unserved.items():
        seen = f"site {site} has {words.number(number, 'target')} and no worker that is up"
        lines.append(fail("workers", seen, "start one there: stt worker"))
    lines += _versions(reply.version, status)
    return lines


def store(found: StoreHealth) -> list[Line]:
    """Whether the store is whole and has room."""
    sizes = f"{found.path}, {found.size // MIB} MiB, {found.free // MIB} MiB free"
    if found.integrity != "ok":
        seen = f"{found.path} is damaged ({found.integrity})"
        return [fail("store", seen, "restore a backup: stt store restore")]
    if found.schema_version != found.known_version:
        seen = f"version {found.schema_version}, the coordinator knows {found.known_version}"
        return [fail("store", seen, "restart the coordinator, which upgrades it")]
    if found.free < MIN_FREE:
        return [fail("store", sizes, "make room: nothing is stored without")]
    if found.free < max(LOW_FREE, found.size):
        return [warn("store", sizes, "make room: a backup needs as much again")]
    if found.log_size > LARGE_LOG:
        seen = f"{sizes}, its log {found.log_size // MIB} MiB"
        return [warn("store", seen, "end who reads the file for long, as a copy or a query")]
    return [ok("store", sizes)]


def releases(as_of: str, today: date) -> Line:
    """How old the data are by which versions are judged."""
    what, todo = "release data", "upgrade stt, or install a newer pack"
    try:
        age = today - date.fromisoformat(as_of)
    except ValueError:
        return warn(what, "their day is unknown", todo)
    seen = f"of {as_of}"
    if age > TOO_OLD_DATA:
        return warn(what, f'{seen}: "not the latest release" is not judged any more', todo)
    if age > OLD_DATA:
        return warn(what, f"{seen}, {age.days} days old", todo)
    return ok(what, seen)


def _versions(coordinator: str, status: StatusReply) -> Iterable[Line]:
    others = [
        f"{one.worker} ({one.version})"
        for one in status.workers
        if one.state == "up" and one.version != coordinator
    ]
    if others:
        seen = f"not of the coordinator's version {coordinator}: {', '.join(others)}"
        yield warn("workers", seen, "upgrade them; both understand each other meanwhile")
