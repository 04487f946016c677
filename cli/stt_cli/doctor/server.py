"""Lines about nats-server: version, encryption, message size, clock, disk, free space."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stt_cli.doctor.diagnostic_line import DiagnosticLine, fail, ok, unknown, warn
from stt_shared.bus.values import Peer
from stt_shared.protocol.codec import MAX_MESSAGE_BYTES
from stt_shared.report import readable
from stt_shared.report.readable import size

MIN_NATS = (2, 10)
MAX_SKEW = timedelta(seconds=5)
WATCH_FULL, TOO_FULL = 0.8, 0.95  # of the room there is
CERTIFICATE_SOON = timedelta(days=30)
HEADERS_BYTES = 16 * 1024  # that a message may have besides its payload
MONITOR = "name its monitoring address: stt doctor --nats-monitor-url http://HOST:8222"
ServerAnswer = Mapping[str, Any]  # an answer of nats-server


def version(server: ServerAnswer) -> DiagnosticLine:
    """Whether the server is new enough; `server` is its description of itself."""
    text = str(server.get("ver", ""))
    numbers = tuple(
        int(part) for part in text.split("-", maxsplit=1)[0].split(".") if part.isdigit()
    )
    least = ".".join(map(str, MIN_NATS))
    if not numbers:
        todo = "allow this user to publish to $SYS.REQ.USER.INFO"
        return unknown("NATS version", "the server does not report it", todo)
    if numbers[:2] < MIN_NATS:
        seen = f"{text}, expected {least} or newer"
        return fail("NATS version", seen, f"upgrade nats-server to {least} or newer")
    return ok("NATS version", f"{text} (limit {least})")


def transport(peer: Peer | None, now: datetime) -> DiagnosticLine:
    """Whether the connection to the server is encrypted."""
    what = "NATS transport"
    if peer is None or peer.encrypted is None:
        return unknown(
            what, "the client does not report it", "check that nats.url begins with tls://"
        )
    if not peer.encrypted:
        if is_loopback(peer.host):
            return ok(what, f"unencrypted, on this machine ({peer.host})")
        todo = "give nats-server a certificate (tls block), and set nats.url to tls://"
        return warn(
            what,
            f"unencrypted to {peer.host}: others on the network can read and change messages",
            todo,
        )
    ends = peer.certificate_ends
    if ends is None:
        return ok(what, "TLS")
    seen = f"TLS, the certificate of {peer.host} expires {readable.moment(ends, now)}"
    if ends - now < CERTIFICATE_SOON:
        return warn(what, f"{seen} (limit {CERTIFICATE_SOON.days} d)", "renew it now")
    return ok(what, seen)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def payload(peer: Peer | None) -> DiagnosticLine:
    """Whether the server accepts the largest message that STT sends."""
    what, needed = "NATS max_payload", MAX_MESSAGE_BYTES + HEADERS_BYTES
    if peer is None or not peer.max_payload:
        todo = "check max_payload in the configuration of nats-server"
        return unknown(what, "the server does not report it", todo)
    seen = f"{size(peer.max_payload)} (limit {size(needed)})"
    if peer.max_payload < needed:
        return fail(what, seen, "set `max_payload: 1MB` in the configuration of nats-server")
    return ok(what, seen)


def clock_skew(what: str, theirs: datetime | None, now: datetime, whose: str) -> DiagnosticLine:
    """How far this computer's clock is from `whose`."""
    if theirs is None:
        because = f"the time of {whose} is unknown"
        return unknown(what, because, "compare by hand: date -u on both")
    skew = abs((now - theirs).total_seconds())
    limit = MAX_SKEW.total_seconds()
    seen = f"differs by {skew:.1f} s from the clock of {whose} (limit {limit:g} s)"
    if skew > limit:
        todo = "synchronise both clocks (NTP; see: timedatectl): ages and slots depend on them"
        return warn(what, seen, todo)
    return ok(what, seen)


def sync_always(varz: ServerAnswer | None, why: str = "") -> DiagnosticLine:
    """Whether the server writes to disk before it acknowledges; `varz` None: not readable."""
    what = "NATS sync to disk"
    if varz is None:
        because = why or "the server's monitoring cannot be read"
        todo = f"{MONITOR}, or check `sync_interval: always` in its configuration"
        return unknown(what, because, todo)
    config: ServerAnswer = varz.get("jetstream", {}).get("config", {})
    if config.get("sync_always"):
        return ok(what, "always")
    every = config.get("sync_interval")
    span = readable.span(timedelta(microseconds=every / 1_000)) if every else "two minutes"
    return warn(
        what,
        f"every {span}: a power failure can lose acknowledged messages",
        "set `sync_interval: always` in the jetstream block of nats-server",
    )


def jetstream(account: ServerAnswer | None) -> DiagnosticLine:
    """Whether this account may use JetStream."""
    if account is None or "error" in account:
        why = "" if account is None else str(account["error"].get("description", ""))
        seen = f"not enabled{': ' if why else ''}{why}"
        return fail("JetStream", seen, "start nats-server with -js, or enable it for the account")
    return ok("JetStream", f"{account.get('streams', 0)} streams, {_used(account)} used")


def _used(account: ServerAnswer) -> str:
    return size(account.get("storage", 0))


def room(account: ServerAnswer, varz: ServerAnswer | None) -> DiagnosticLine:
    """How full the storage of the account is; without a limit of its own, that of the server."""
    what = "JetStream room"
    limit = account.get("limits", {}).get("max_storage", -1)
    if limit > 0:
        return _room(what, account.get("storage", 0), limit, "this account")
    config = (varz or {}).get("jetstream", {}).get("config", {})
    if (held := config.get("max_storage", 0)) > 0:
        stats: ServerAnswer = (varz or {}).get("jetstream", {}).get("stats", {})
        return _room(what, stats.get("storage", 0), held, "the server")
    because = "the account has no limit and the server's limit cannot be read"
    return unknown(what, f"{because}; {_used(account)} used", MONITOR)


def _room(what: str, used: int, limit: int, whose: str) -> DiagnosticLine:
    share = used / limit
    seen = f"{size(used)} of {size(limit)} of {whose} used ({share:.0%}, limit {WATCH_FULL:.0%})"
    if share < WATCH_FULL:
        return ok(what, seen)
    todo = "raise max_file_store of nats-server (or max_storage of the account)"
    return fail(what, seen, todo) if share >= TOO_FULL else warn(what, seen, todo)
