"""The NATS server: its version, clock, sync to disk, room, transport, and who may do what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from stt_shared.cli.diagnosis.line import Line, fail, ok, warn
from stt_shared.protocol import subjects
from stt_shared.protocol.control import Verb
from stt_shared.settings import NatsSettings

MIN_NATS = (2, 10)
MAX_SKEW = timedelta(seconds=5)
MIN_PAYLOAD = 1 << 20  # bytes; results are cut to fit into it
NEARLY_FULL = 0.8  # of the storage that the account may have
LOCAL = frozenset({"localhost", "127.0.0.1", "::1", ""})
HEARD = (f"{subjects.ROOT}.event.>", f"{subjects.ROOT}.summary.>")


def nats_version(server: Mapping[str, Any]) -> Line:
    """Whether the server is new enough; `server` is its answer to who-am-I."""
    text = str(server.get("ver", ""))
    numbers = tuple(
        int(part) for part in text.split("-", maxsplit=1)[0].split(".") if part.isdigit()
    )
    if not numbers:
        return warn("NATS version", "unknown", "allow this user to publish to $SYS.REQ.USER.INFO")
    if numbers[:2] < MIN_NATS:
        return fail("NATS version", text, "upgrade nats-server to 2.10 or newer")
    return ok("NATS version", text)


def clock_skew(server_time: datetime | None, now: datetime, whose: str = "the NATS server") -> Line:
    """How far this computer's clock is from another's."""
    if server_time is None:
        return warn("clock", f"the time of {whose} is unknown", "compare the clocks by hand")
    skew = abs(now - server_time)
    seen = f"{skew.total_seconds():.1f} s from {whose}'s"
    if skew > MAX_SKEW:
        return warn("clock", seen, "synchronise both clocks (NTP): ages and slots depend on them")
    return ok("clock", seen)


def sync_always(varz: Mapping[str, Any] | None) -> Line:
    """Whether the server writes to disk before it confirms; `varz` is None if it is unreadable."""
    what = "NATS sync to disk"
    if varz is None:
        return warn(
            what,
            "unknown, the server's monitoring is not readable",
            "name it with --nats-monitor-url, or look for `sync_interval: always` in its file",
        )
    if varz.get("jetstream", {}).get("config", {}).get("sync_always"):
        return ok(what, "always")
    return warn(
        what,
        "every two minutes: a power loss can lose confirmed messages",
        "set `sync_interval: always` in the jetstream block of nats-server",
    )


def jetstream(account: Mapping[str, Any] | None) -> Line:
    """Whether this account may use JetStream."""
    if account is None or "error" in account:
        said = "" if account is None else str(account["error"].get("description", ""))
        seen = f"not enabled{': ' if said else ''}{said}"
        return fail("JetStream", seen, "start nats-server with -js, or enable it for the account")
    used, limits = int(account.get("storage", 0)), account.get("limits", {})
    most = int(limits.get("max_storage", 0))
    seen = f"{account.get('streams', 0)} streams, {used} bytes"
    if most > 0:
        seen += f" of {most}"
        if used > NEARLY_FULL * most:
            return warn("JetStream", seen, "give the account more: full streams refuse messages")
    return ok("JetStream", seen)


def payload(varz: Mapping[str, Any] | None) -> list[Line]:
    """Whether messages may be as large as ours; nothing where the server's limit is unknown."""
    most = int((varz or {}).get("max_payload", 0))
    if not most:
        return []
    if most < MIN_PAYLOAD:
        todo = f"set `max_payload: {MIN_PAYLOAD}` or more in nats-server"
        return [warn("NATS max_payload", f"{most} bytes, {MIN_PAYLOAD} are needed", todo)]
    return [ok("NATS max_payload", f"{most} bytes")]


def transport(nats: NatsSettings) -> Line:
    """Whether what is said to NATS can be read on the way."""
    hosts = {urlsplit(url.strip()) for url in nats.url.split(",")}
    if nats.ca or nats.cert or all(host.scheme in ("tls", "wss") for host in hosts):
        return ok("NATS transport", "TLS")
    away = sorted(str(one.hostname) for one in hosts if (one.hostname or "") not in LOCAL)
    if not away:
        return ok("NATS transport", "this computer alone")
    todo = "use tls:// and nats.ca: results and passwords of NATS can be read on the way"
    return warn("NATS transport", f"not encrypted to {', '.join(away)}", todo)


def permissions(user: Mapping[str, Any] | None) -> Line:
    """What the connected user may ask and hear; `user` is the server's answer to who-am-I."""
    what = "permissions"
    if user is None:
        todo = "allow this user to publish to $SYS.REQ.USER.INFO"
        return warn(what, "unknown, the server does not tell", todo)
    given: dict[str, Any] = user.get("permissions") or {}
    speaks: dict[str, Any] = given.get("publish") or {}
    hears: dict[str, Any] = given.get("subscribe") or {}
    refused = [str(verb) for verb in Verb if not _allowed(speaks, subjects.control(verb))]
    deaf = [one for one in HEARD if not _allowed(hears, one)]
    name = f"{user.get('user') or 'whoever connects'}, account {user.get('account', '')}"
    if deaf:
        return warn(what, f"{name} may not hear {', '.join(deaf)}", "allow it to subscribe to them")
    if refused:
        return ok(what, f"{name} may look; it may not ask: {', '.join(refused)}")
    return ok(what, f"{name} may ask and hear everything")


def _allowed(given: Mapping[str, Any], subject: str) -> bool:
    allow, deny = given.get("allow"), given.get("deny") or ()
    return (allow is None or _covers(allow, subject)) and not _covers(deny, subject)


def _covers(patterns: Iterable[str], subject: str) -> bool:
    return any(_matches(one.split(" ")[0].split("."), subject.split(".")) for one in patterns)


def _matches(pattern: list[str], tokens: list[str]) -> bool:
    for place, part in enumerate(pattern):
        if part == ">":
            return place < len(tokens)
        if place >= len(tokens) or part not in ("*", tokens[place]):
            return False
    return len(pattern) == len(tokens)
