"""Whether what waits in a durable consumer moves: handed out, confirmed, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stt_cli.doctor.line import Line, cannot_tell, fail, ok, warn
from stt_cli.doctor.server import Told
from stt_cli.doctor.streams import different
from stt_shared.protocol import subjects
from stt_shared.report import readable

STUCK = timedelta(minutes=10)  # longer without a delivery, and what waits is stuck
AGGREGATOR = subjects.CONSUMER_RESULTS
_NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A consumer as its server tells it, and when the oldest message that waits was stored."""

    info: Told = field(default_factory=dict[str, object])
    oldest: datetime | None = None

    @property
    def name(self) -> str:
        """Its durable name."""
        return str(self.info.get("name", ""))


def consumers(seen: Sequence[Seen], expected: Sequence[str], limit: timedelta) -> list[Line]:
    """A line for each consumer, and one for those of `expected` that are missing."""
    lines = [consumer(one, limit) for one in seen]
    there = {one.name for one in seen}
    if missing := [name for name in expected if name not in there]:
        todo = "a coordinator creates them within a minute: stt coordinator"
        lines.append(fail("consumers", f"missing: {', '.join(missing)}", todo))
    return lines


def unknown(why: str) -> Line:
    """The line where the server does not list its consumers."""
    todo = "let this user publish to $JS.API.CONSUMER.LIST.*, or ask as the coordinator's user"
    return cannot_tell("consumers", why, todo)


def consumer(seen: Seen, limit: timedelta) -> Line:
    """Whether one consumer moves; stuck is what waits and was not handed out for `limit`."""
    info, what = seen.info, f"consumer {seen.name}"
    text = _counts(info)
    if info.get("paused"):
        todo = f"nats consumer resume {info.get('stream_name')} {seen.name}"
        return fail(what, f"paused; {text}", todo)
    unacked, most = info.get("num_ack_pending", 0), _most(info)
    if 0 < most <= unacked:
        return fail(what, f"as many unconfirmed as there may be; {text}", _todo(seen.name))
    if why := _stuck(seen, limit):
        seen_text = f"stuck, {why} (limit {readable.span(limit)}); {text}"
        return fail(what, seen_text, _todo(seen.name))
    if wrong := _differences(info):
        todo = "restart the coordinator to correct it: stt coordinator"
        return warn(what, f"differs: {', '.join(wrong)}; {text}", todo)
    return ok(what, text)


def _most(info: Told) -> int:
    return int(info.get("config", {}).get("max_ack_pending", -1))


def _counts(info: Told) -> str:
    now = instant(info.get("ts"))
    given, confirmed = _active(info, "delivered"), _active(info, "ack_floor")
    return (
        f"{info.get('num_pending', 0)} wait, {info.get('num_ack_pending', 0)} of {_most(info)}"
        f" unconfirmed, {info.get('num_redelivered', 0)} handed out again, last handed out"
        f" {_ago(given, now)}, last confirmed {_ago(confirmed, now)}"
    )


def _active(info: Told, part: str) -> datetime | None:
    return instant(info.get(part, {}).get("last_active"))


def _ago(at: datetime | None, now: datetime | None) -> str:
    return f"{readable.span(now - at)} ago" if at and now else _NEVER


def _stuck(seen: Seen, limit: timedelta) -> str:
    """Why it is stuck, by the server's own clock; empty if it is not."""
    info, now = seen.info, instant(seen.info.get("ts"))
    if now is None:
        return ""
    given = _active(info, "delivered") or instant(info.get("created")) or now
    silent = now - given > limit
    old = seen.oldest is None or now - seen.oldest > limit
    if info.get("num_pending", 0) and silent and old:
        waits = (
            f"the oldest waits for {readable.span(now - seen.oldest)}"
            if seen.oldest
            else "some wait"
        )
        return f"{waits} and nothing was handed out for {readable.span(now - given)}"
    confirmed = _active(info, "ack_floor")
    quiet = confirmed is None or now - confirmed > limit
    if info.get("num_ack_pending", 0) and silent and quiet and not info.get("num_waiting", 0):
        return f"what was handed out {readable.span(now - given)} ago is not confirmed, nobody asks"
    return ""


def _todo(name: str) -> str:
    if name == subjects.CONSUMER_RESULTS:
        return "look at the coordinator's log, and start it again: stt coordinator"
    site, _, family = name.removeprefix("w_").rpartition("_")
    return f"start a worker with {family} targets at site {site}: stt worker --config worker.toml"


def _differences(info: Told) -> list[str]:
    """What is not as the coordinator makes it."""
    config: Told = info.get("config", {})
    wanted: dict[str, object] = {
        "ack_policy": "explicit",
        "ack_wait": int(subjects.ACK_WAIT.total_seconds()) * 10**9,
        "max_deliver": -1,
        "max_ack_pending": subjects.MAX_UNACKED_RESULTS
        if config.get("durable_name") == subjects.CONSUMER_RESULTS
        else subjects.MAX_UNACKED_JOBS,
    }
    return different(wanted, config)


def instant(text: object) -> datetime | None:
    """The instant a server wrote; None for anything else."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
