"""What the coordinator says of itself: its clock, its troubles, its store, what it refused."""

from __future__ import annotations

from datetime import datetime, timedelta

from stt_cli.doctor.line import Line, Unknown, cannot_tell, fail, ok, size, warn
from stt_cli.doctor.server import clock_skew
from stt_shared.protocol.control import StatusReply
from stt_shared.protocol.health import HealthPart, HealthReply, StoreHealth
from stt_shared.report import readable
from stt_shared.report.status import switch_sentence

FREE_WATCH, FREE_LEAST = 1 << 30, 128 << 20  # bytes on the disk of the store
WAL_WATCH = 256 << 20  # bytes; a log that grows so far is held open by somebody
BACKUP_AGE = timedelta(days=8)
LOG = "see the coordinator's log: journalctl -u stt-coordinator"
UNTOLD = (
    "coordinator clock",
    "progress: store",
    "store",
    "store room",
    "store backup",
    "refused messages",
)
BACKUP = "stt store backup FILE, on the coordinator's host"


def lines(reply: StatusReply, health: HealthReply | Unknown, now: datetime) -> list[Line]:
    """What is known of the coordinator."""
    switch = switch_sentence(reply.state, now)
    if isinstance(health, Unknown):
        found = [ok("coordinator", switch)]
        found.extend(warn("coordinator", degraded, LOG) for degraded in reply.degraded)
        return [*found, *health.lines(*UNTOLD)]
    found = [ok("coordinator", f"{health.version}, {switch}")]
    found.append(clock_skew("coordinator clock", health.now, now, "the coordinator"))
    found += map(_part, health.parts)
    found.extend(warn("coordinator", one, LOG) for one in health.troubles)
    return [*found, *store(health.store, now), refused(health)]


def _part(part: HealthPart) -> Line:
    what = f"progress: {part.name}"
    return ok(what, part.seen) if part.is_well else fail(what, part.seen, LOG)


def store(found: StoreHealth, now: datetime) -> list[Line]:
    """Whether the store is whole, has room and was backed up."""
    if not found.path:
        return [ok("store", "in memory: gone when the coordinator ends")]
    return [_pages(found), _schema(found), _open(found), _room(found), _backup(found, now)]


def _pages(found: StoreHealth) -> Line:
    what = "store"
    if found.sound is None:
        return cannot_tell(what, f"{found.path}: {found.fault}", f"have a copy examined: {BACKUP}")
    if not found.sound:
        todo = "stop the coordinator, then: stt store restore FILE"
        return fail(what, f"{found.path} is damaged: {found.fault}", todo)
    return ok(what, f"{found.path}: every page can be read, {size(found.size_bytes or 0)}")


def _schema(found: StoreHealth) -> Line:
    what = "store schema"
    if found.version is None:
        return cannot_tell(what, "the file cannot be read", BACKUP)
    seen = f"version {found.version}, the program has {found.knows}"
    if found.version != found.knows:
        return fail(what, seen, "start the coordinator again, it migrates: stt coordinator")
    return ok(what, seen)


def _open(found: StoreHealth) -> Line:
    what = "store folder"
    if found.open_to_others is None:
        return cannot_tell(what, "its permissions cannot be read", LOG)
    folder = found.path.rpartition("/")[0]
    if found.open_to_others:
        return warn(what, f"{folder} can be read by other users", f"chmod 700 {folder}")
    return ok(what, f"{folder} is the coordinator's alone")


def _room(found: StoreHealth) -> Line:
    what, free = "store room", found.free_bytes
    if free is None:
        return cannot_tell(what, "the disk cannot be looked at", LOG)
    seen = f"{size(free)} free (limit {size(FREE_WATCH)}), log {size(found.wal_bytes or 0)}"
    if free < FREE_LEAST:
        return fail(what, seen, "make room on the disk of the coordinator")
    if free < max(FREE_WATCH, found.size_bytes or 0):  # a backup needs as much again
        return warn(what, seen, "make room on the disk of the coordinator")
    if (found.wal_bytes or 0) > WAL_WATCH:
        todo = f"find who holds it open (limit {size(WAL_WATCH)}): fuser {found.path}"
        return warn(what, seen, todo)
    return ok(what, seen)


def _backup(found: StoreHealth, now: datetime) -> Line:
    what = "store backup"
    if found.backup is None:
        return cannot_tell(what, "no stt store backup was made here", BACKUP)
    past = now - found.backup
    seen = f"{readable.span(past)} ago (limit {BACKUP_AGE.days} d)"
    return warn(what, seen, BACKUP) if past > BACKUP_AGE else ok(what, seen)


def refused(health: HealthReply) -> Line:
    """Messages that were not taken in."""
    what = "refused messages"
    if not health.refused:
        return ok(what, "none")
    told = [f"{number} {code}" for code, number in health.refused.items()]
    return warn(what, readable.first_names(told), f"who publishes what is not ours? {LOG}")
