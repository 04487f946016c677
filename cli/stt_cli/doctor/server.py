"""Whether nats-server is the one that the product needs: version, transport, disk, room, clock."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stt_cli.doctor.line import Line, cannot_tell, fail, ok, size, warn
from stt_shared.bus.port import Peer
from stt_shared.protocol.codec import MAX_MESSAGE_BYTES
from stt_shared.report import readable

MIN_NATS = (2, 10)
MAX_SKEW = timedelta(seconds=5)
WATCH_FULL, TOO_FULL = 0.8, 0.95  # of the room there is
CERTIFICATE_SOON = timedelta(days=30)
HEADERS_BYTES = 16 * 1024  # that a message may have besides its payload
MONITOR = "name its monitoring address: stt doctor --nats-monitor-url http://HOST:8222"
Told = Mapping[str, Any]  # an answer of nats-server


def version(server: Told) -> Line:
    """Whether the server is new enough; `server` is its answer to who-am-I."""
    text = str(server.get("ver", ""))
    numbers = tuple(
        int(part) for part in text.split("-", maxsplit=1)[0].split(".") if part.isdigit()
    )
    least = ".".join(map(str, MIN_NATS))
    if not numbers:
        todo = "allow this user to publish to $SYS.REQ.USER.INFO"
        return cannot_tell("NATS version", "the server does not say", todo)
    if numbers[:2] < MIN_NATS:
        seen = f"{text}, at least {least} is needed"
        return fail("NATS version", seen, f"upgrade nats-server to {least} or newer")
    return ok("NATS version", f"{text} (at least {least})")


def transport(peer: Peer | None, now: datetime) -> Line:
    """Whether others can read along between here and the server."""
    what = "NATS transport"
    if peer is None or peer.encrypted is None:
        return cannot_tell(what, "the client does not say", "look for tls:// in nats.url")
    if not peer.encrypted:
        if is_loopback(peer.host):
            return ok(what, f"plain, on this machine ({peer.host})")
        todo = "give nats-server a certificate (tls block), and set nats.url to tls://"
        return warn(what, f"plain to {peer.host}: whoever is between can read and write", todo)
    ends = peer.certificate_ends
    if ends is None:
        return ok(what, "TLS")
    seen = f"TLS, the certificate of {peer.host} ends {readable.moment(ends, now)}"
    if ends - now < CERTIFICATE_SOON:
        return warn(what, f"{seen} (limit {CERTIFICATE_SOON.days} d)", "renew it now")
    return ok(what, seen)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def payload(peer: Peer | None) -> Line:
    """Whether the server takes the largest message there may be."""
    what, needed = "NATS max_payload", MAX_MESSAGE_BYTES + HEADERS_BYTES
    if peer is None or not peer.max_payload:
        todo = "look for max_payload in the file of nats-server"
        return cannot_tell(what, "the server does not say", todo)
    seen = f"{size(peer.max_payload)}, {size(needed)} are needed"
    if peer.max_payload < needed:
        return fail(what, seen, "set `max_payload: 1MB` in the file of nats-server")
    return ok(what, seen)


def clock_skew(what: str, theirs: datetime | None, now: datetime, whose: str) -> Line:
    """How far this computer's clock is from `whose`."""
    if theirs is None:
        because = f"the time of {whose} is unknown"
        return cannot_tell(what, because, "compare by hand: date -u on both")
    skew = abs((now - theirs).total_seconds())
    limit = MAX_SKEW.total_seconds()
    seen = f"{skew:.1f} s from that of {whose} (limit {limit:g} s)"
    if skew > limit:
        todo = "synchronise both clocks (NTP; see: timedatectl): ages and slots depend on them"
        return warn(what, seen, todo)
    return ok(what, seen)


def sync_always(varz: Told | None, why: str = "") -> Line:
    """Whether the server writes to disk before it confirms; `varz` is None if it is unreadable."""
    what = "NATS sync to disk"
    if varz is None:
        because = why or "the server's monitoring is not readable"
        todo = f"{MONITOR}, or look for `sync_interval: always` in its file"
        return cannot_tell(what, because, todo)
    config: Told = varz.get("jetstream", {}).get("config", {})
    if config.get("sync_always"):
        return ok(what, "always")
    every = config.get("sync_interval")
    span = readable.span(timedelta(microseconds=every / 1_000)) if every else "two minutes"
    return warn(
        what,
        f"every {span}: a power loss can lose confirmed messages",
        "set `sync_interval: always` in the jetstream block of nats-server",
    )


def jetstream(account: Told | None) -> Line:
    """Whether this account may use JetStream."""
    if account is None or "error" in account:
        said = "" if account is None else str(account["error"].get("description", ""))
        seen = f"not enabled{': ' if said else ''}{said}"
        return fail("JetStream", seen, "start nats-server with -js, or enable it for the account")
    return ok("JetStream", f"{account.get('streams', 0)} streams, {_used(account)} used")


def _used(account: Told) -> str:
    return size(account.get("storage", 0))


def room(account: Told, varz: Told | None) -> Line:
    """How full the storage of the account is, or that of the server where the account has all."""
    what = "JetStream room"
    limit = account.get("limits", {}).get("max_storage", -1)
    if limit > 0:
        return _room(what, account.get("storage", 0), limit, "this account")
    config = (varz or {}).get("jetstream", {}).get("config", {})
    if (held := config.get("max_storage", 0)) > 0:
        stats: Told = (varz or {}).get("jetstream", {}).get("stats", {})
        return _room(what, stats.get("storage", 0), held, "the server")
    because = "the account has no limit and the server's is not readable"
    return cannot_tell(what, f"{because}; {_used(account)} used", MONITOR)


def _room(what: str, used: int, limit: int, whose: str) -> Line:
    share = used / limit
    seen = f"{size(used)} of {size(limit)} of {whose} used ({share:.0%}, limit {WATCH_FULL:.0%})"
    if share < WATCH_FULL:
        return ok(what, seen)
    todo = "raise max_file_store of nats-server (or max_storage of the account)"
    return fail(what, seen, todo) if share >= TOO_FULL else warn(what, seen, todo)
