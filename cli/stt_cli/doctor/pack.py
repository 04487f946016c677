"""Lines about the pack: its source, its signature, its expiry, the age of its release data."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from stt_cli.doctor.diagnostic_line import DiagnosticLine, Unknown, fail, ok, unknown, warn
from stt_shared.protocol.control import PackStatus, StatusReply
from stt_shared.protocol.queries.health import HealthReply
from stt_shared.report import readable

ENDS_SOON, ENDS_NOW = timedelta(days=30), timedelta(days=7)
NOT_FETCHED = timedelta(days=3)
DATA_OLD, DATA_TOO_OLD = timedelta(days=60), timedelta(days=180)
REFRESH = "upgrade the coordinator, or publish a newer pack: stt releases refresh"
RENEW = "publish a newer one: stt pack build checks --serial N --days 180, then stt pack sign"


def lines(reply: StatusReply, health: HealthReply | Unknown, now: datetime) -> list[DiagnosticLine]:
    """The lines about the pack in use and its release data."""
    found = [_source(reply.pack, health, now)]
    if reply.pack is not None:
        what, key = "pack signature", reply.pack.key
        found += [
            _end(reply.pack, now),
            ok(what, f"by key {key}")
            if key
            else warn(what, "not signed", "stt pack sign FILE --key KEY"),
        ]
    if isinstance(health, HealthReply):
        found.extend(
            warn("pack", one, "see the coordinator's log, and: stt pack verify FILE --key KEY")
            for one in health.pack_troubles
        )
    if reply.notice:
        found.append(warn("pack", reply.notice, "sign it: stt pack sign FILE --key KEY"))
    return [*found, release_data(health, now)]


def _source(
    pack: PackStatus | None, health: HealthReply | Unknown, now: datetime
) -> DiagnosticLine:
    if pack is not None:
        fetched = f"fetched {readable.span(now - pack.fetched)} ago"
        seen = f"{pack.name} serial {pack.serial} of {pack.source}, {pack.checks} checks, {fetched}"
        if now - pack.fetched > NOT_FETCHED:
            todo = "check the source: the coordinator fetches it before every scheduled run"
            return warn("pack", f"{seen} (limit {NOT_FETCHED.days} d)", todo)
        return ok("pack", seen)
    if isinstance(health, Unknown):
        return unknown("pack", health.because, health.todo)
    if health.pack_source:
        seen = f"no pack from {health.pack_source}, the built-in checks are used"
        return fail("pack", seen, "see the coordinator's log, and: stt pack verify FILE --key KEY")
    if not health.checks:
        return fail("pack", "there are no checks", "see the coordinator's log")
    return ok("pack", f"built-in, {readable.number(health.checks, 'check')}")


def _end(pack: PackStatus, now: datetime) -> DiagnosticLine:
    what = "pack end"
    if pack.expires is None:
        return unknown(what, "the pack is not signed", "stt pack sign FILE --key KEY")
    left, day = pack.expires - now, readable.day(pack.expires, now)
    if left <= timedelta(0):
        seen = f"expired {readable.span(-left)} ago ({day}), workers reject it"
        return fail(what, seen, RENEW)
    seen = f"expires {day}, in {readable.span(left)}"
    for limit in (ENDS_NOW, ENDS_SOON):
        if left < limit:
            return warn(what, f"{seen} (limit {limit.days} d)", RENEW)
    return ok(what, f"{seen} (limit {ENDS_SOON.days} d)")


def release_data(health: HealthReply | Unknown, now: datetime) -> DiagnosticLine:
    """The age of the data about current server versions."""
    what = "release data"
    if isinstance(health, Unknown):
        return unknown(what, health.because, health.todo)
    try:
        as_of = date.fromisoformat(health.releases_as_of)
    except ValueError:
        return unknown(what, "the coordinator does not report its date", "stt releases check")
    past = timedelta(days=(now.date() - as_of).days)
    seen = f"of {as_of}, {past.days} d old (limits {DATA_OLD.days} and {DATA_TOO_OLD.days} d)"
    if past > DATA_TOO_OLD:
        return fail(what, seen, REFRESH)
    if past > DATA_OLD:
        return warn(what, seen, REFRESH)
    return ok(what, seen)
