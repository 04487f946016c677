"""Lines about the coordinator: its clock, its troubles, its store, the messages it rejected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from stt_cli.doctor.diagnostic_line import (
    DiagnosticLine,
    Unknown,
    fail,
    ok,
    unknown,
    warn,
)
from stt_cli.doctor.server import clock_skew
from stt_shared.protocol.control import StatusReply
from stt_shared.protocol.coordinators import CoordinatorInfo, StoreHealth
from stt_shared.protocol.queries.health import HealthReply
from stt_shared.report import readable
from stt_shared.report.readable import size
from stt_shared.report.views.status import coordinator_sentence, switch_sentence

FREE_WATCH, FREE_LEAST = 1 << 30, 128 << 20  # bytes on the disk of the store
WAL_WATCH = 256 << 20  # bytes; a larger log means that a reader holds it open
BACKUP_AGE = timedelta(days=8)
LOG = "see the coordinator's log: journalctl -u stt-coordinator"
FROM_HEALTH = (
    "coordinator clock",
    "clock agreement",
    "stored instants",
    "progress: store",
    "store",
    "store room",
    "store backup",
    "refused messages",
)
POSTGRESQL = "postgresql"  # kind of a store
DURABLE = "in postgresql.conf: synchronous_commit = on, and name a synchronous standby"
BACKUP = "stt store backup FILE, on the coordinator's host"


def lines(reply: StatusReply, health: HealthReply | Unknown, now: datetime) -> list[DiagnosticLine]:
    """The lines about the coordinator."""
    switch = switch_sentence(reply.state, now)
    if isinstance(health, Unknown):
        found = [ok("coordinator", switch), *troubles(reply.degraded)]
        return [*found, *health.lines(*FROM_HEALTH)]
    found = [ok("coordinator", f"{health.version}, {switch}")]
    found.append(clock_skew("coordinator clock", health.now, now, "the coordinator"))
    found += [agreement(health), stored_instants(health)]
    if health.coordinator is not None:
        found.append(lease(health.coordinator, now))
    for part in health.parts:
        what = f"progress: {part.name}"
        found.append(ok(what, part.seen) if part.is_well else fail(what, part.seen, LOG))
    found += troubles(health.troubles)
    return [*found, *store(health.store, now), refused(health)]


def troubles(sentences: Sequence[str]) -> list[DiagnosticLine]:
    """A warning for each; where to read more stands once, below the last."""
    last = len(sentences) - 1
    return [
        warn("coordinator", one, LOG if place == last else "")
        for place, one in enumerate(sentences)
    ]


def agreement(health: HealthReply) -> DiagnosticLine:
    """Whether the coordinator's clock agrees with that of NATS and with the time that passed."""
    what = "clock agreement"
    if health.clock is None:
        return unknown(what, "the coordinator does not compare clocks", "upgrade the coordinator")
    if health.clock:
        todo = (
            "correct the clock (see: timedatectl); until then no scheduled run starts, no history"
            " is deleted and no exception ends"
        )
        return fail(what, health.clock, todo)
    offset_s = health.offset_s or 0.0
    return ok(what, f"the coordinator's clock is {offset_s:+.1f} s from that of the NATS server")


def stored_instants(health: HealthReply) -> DiagnosticLine:
    """Whether instants in the store lie in the future."""
    what = "stored instants"
    if not health.future:
        return ok(what, "none lies in the future")
    counts = [f"{number} {kind}" for kind, number in health.future.items()]
    seen = f"in the future, a clock was ahead: {readable.first_names(counts)}"
    return warn(what, seen, "nothing to do: no order depends on them, and they are deleted in time")


def lease(one: CoordinatorInfo, now: datetime) -> DiagnosticLine:
    """Which coordinator leads; a warning where nothing refuses what a deposed one sends late."""
    seen, what = coordinator_sentence(one, now), "coordinator lease"
    if one.fenced:
        return ok(what, seen)
    return warn(what, f"{seen}; no standby is possible", "use nats-server 2.11 or newer")


def store(found: StoreHealth, now: datetime) -> list[DiagnosticLine]:
    """Whether the store is intact, has free space and was backed up."""
    if not found.path:
        return [ok("store", "in memory: lost when the coordinator stops")]
    if found.kind == POSTGRESQL:
        return [_server(found), _schema(found), _durability(found)]
    return [_pages(found), _schema(found), _open(found), _room(found), _backup(found, now)]


def _server(found: StoreHealth) -> DiagnosticLine:
    what = "store"
    if found.sound is None:
        todo = f"start the server, or let it be reached: {LOG}"
        return fail(what, f"{found.path}: {found.fault}", todo)
    return ok(what, f"PostgreSQL {found.server}, {found.path}, {size(found.size_bytes or 0)}")


def _durability(found: StoreHealth) -> DiagnosticLine:
    what = "store durability"
    if found.standbys is None:
        return unknown(what, "the server does not answer", LOG)
    counted = readable.number(found.standbys, "standby")
    if found.standbys and found.synchronous_standbys is None:
        counted += ", their kind is hidden from this role (pg_monitor shows it)"
    elif found.standbys:
        counted += f", {found.synchronous_standbys} synchronous"
    seen = f"synchronous_commit {found.synchronous_commit}, {counted}"
    return warn(what, f"{found.risk}; {seen}", DURABLE) if found.risk else ok(what, seen)


def _pages(found: StoreHealth) -> DiagnosticLine:
    what = "store"
    if found.sound is None:
        return unknown(
            what,
            f"{found.path}: {found.fault}",
            f"make a backup, which verifies the copy: {BACKUP}",
        )
    if not found.sound:
        todo = "stop the coordinator, then: stt store restore FILE"
        return fail(what, f"{found.path} is damaged: {found.fault}", todo)
    return ok(what, f"{found.path}: integrity check passed, {size(found.size_bytes or 0)}")


def _schema(found: StoreHealth) -> DiagnosticLine:
    what = "store schema"
    if found.version is None:
        return unknown(what, "the file cannot be read", BACKUP)
    seen = f"version {found.version}, expected {found.knows}"
    if found.version != found.knows:
        return fail(what, seen, "restart the coordinator, which migrates it: stt coordinator")
    return ok(what, seen)


def _open(found: StoreHealth) -> DiagnosticLine:
    what = "store folder"
    if found.open_to_others is None:
        return unknown(what, "its permissions cannot be read", LOG)
    folder = found.path.rpartition("/")[0]
    if found.open_to_others:
        return warn(what, f"{folder} can be read by other users", f"chmod 700 {folder}")
    return ok(what, f"only the coordinator's user can read {folder}")


def _room(found: StoreHealth) -> DiagnosticLine:
    what, free = "store room", found.free_bytes
    if free is None:
        return unknown(what, "the free space cannot be read", LOG)
    log = size(found.wal_bytes or 0)
    seen = f"{size(free)} free (limit {size(FREE_WATCH)}), write-ahead log {log}"
    if free < FREE_LEAST:
        return fail(what, seen, "free space on the coordinator's disk")
    if free < max(FREE_WATCH, found.size_bytes or 0):  # a backup needs as much again
        return warn(what, seen, "free space on the coordinator's disk")
    if (found.wal_bytes or 0) > WAL_WATCH:
        todo = f"find the process that holds it open (limit {size(WAL_WATCH)}): fuser {found.path}"
        return warn(what, seen, todo)
    return ok(what, seen)


def _backup(found: StoreHealth, now: datetime) -> DiagnosticLine:
    what = "store backup"
    if found.backup is None:
        return unknown(what, "no backup was made with stt store backup", BACKUP)
    past = now - found.backup
    seen = f"{readable.span(past)} ago (limit {BACKUP_AGE.days} d)"
    return warn(what, seen, BACKUP) if past > BACKUP_AGE else ok(what, seen)


def refused(health: HealthReply) -> DiagnosticLine:
    """Messages that the coordinator rejected."""
    what = "refused messages"
    if not health.refused:
        return ok(what, "none in the last 24 h")
    counts = [f"{number} {code}" for code, number in health.refused.items()]
    return warn(
        what,
        f"{readable.first_names(counts)} in the last 24 h",
        "find the publisher by its subject in the log of the coordinator, event message_rejected",
    )
