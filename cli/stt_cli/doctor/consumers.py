"""Whether the messages of a durable consumer are delivered and acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stt_cli.doctor.diagnostic_line import DiagnosticLine, fail, ok, unknown, warn
from stt_cli.doctor.server import ServerAnswer
from stt_cli.doctor.streams import different
from stt_shared.protocol import subjects
from stt_shared.report import readable

STUCK = timedelta(minutes=10)  # pending messages without a delivery for longer are stuck
_NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerState:
    """A consumer as its server describes it, and when its oldest pending message was stored."""

    info: ServerAnswer = field(default_factory=dict[str, object])
    oldest: datetime | None = None

    @property
    def name(self) -> str:
        """Its durable name."""
        return str(self.info.get("name", ""))


def consumers(
    seen: Sequence[ConsumerState], expected: Sequence[str], limit: timedelta
) -> list[DiagnosticLine]:
    """A line for each consumer, and one for those of `expected` that are missing.

    A consumer of results is always expected, whatever the epoch of its coordinator is.
    """
    lines = [consumer(one, limit) for one in seen if not is_placeholder(one)]
    there = {one.name for one in seen if not is_placeholder(one)}
    missing = [name for name in expected if name not in there]
    if all(subjects.epoch_of_consumer(name) is None for name in (*there, *missing)):
        missing.insert(0, f"{subjects.RESULTS_STEM}EPOCH")
    if missing:
        todo = "start a coordinator, which creates them within a minute: stt coordinator"
        lines.append(fail("consumers", f"missing: {', '.join(missing)}", todo))
    return lines


def is_placeholder(seen: ConsumerState) -> bool:
    """Whether it receives nothing: it keeps coordinators of older releases from acting."""
    spec = subjects.placeholder()
    config: ServerAnswer = seen.info.get("config", {})
    return (seen.name, config.get("ack_policy")) == (spec.name, spec.ack_policy)


def unlisted(why: str) -> DiagnosticLine:
    """The line where the server does not list its consumers."""
    todo = "consumers are examined with the coordinator's user: stt doctor --as coordinator"
    return unknown("consumers", why, todo)


def consumer(seen: ConsumerState, limit: timedelta) -> DiagnosticLine:
    """Whether one consumer works; it is stuck if pending messages are not delivered for `limit`."""
    info, what = seen.info, f"consumer {seen.name}"
    now = instant(info.get("ts"))
    text = (
        f"{info.get('num_pending', 0)} pending, {info.get('num_ack_pending', 0)} of {_most(info)}"
        f" unacknowledged, {info.get('num_redelivered', 0)} redelivered, last delivery"
        f" {_ago(_active(info, 'delivered'), now)}, last acknowledgement"
        f" {_ago(_active(info, 'ack_floor'), now)}"
    )
    if info.get("paused"):
        todo = f"nats consumer resume {info.get('stream_name')} {seen.name}"
        return fail(what, f"paused; {text}", todo)
    unacked, most = info.get("num_ack_pending", 0), _most(info)
    if 0 < most <= unacked:
        return fail(
            what, f"the limit of unacknowledged messages is reached; {text}", _todo(seen.name)
        )
    if why := _stuck(seen, limit):
        text = f"stuck: {why} (limit {readable.span(limit)}); {text}"
        return fail(what, text, _todo(seen.name))
    if wrong := _differences(info):
        todo = "restart the coordinator to correct it: stt coordinator"
        return warn(what, f"differs: {', '.join(wrong)}; {text}", todo)
    return ok(what, text)


def _most(info: ServerAnswer) -> int:
    return int(info.get("config", {}).get("max_ack_pending", -1))


def _active(info: ServerAnswer, part: str) -> datetime | None:
    return instant(info.get(part, {}).get("last_active"))


def _ago(at: datetime | None, now: datetime | None) -> str:
    return f"{readable.span(now - at)} ago" if at and now else _NEVER


def _stuck(seen: ConsumerState, limit: timedelta) -> str:
    """Why it is stuck, by the server's clock; empty if it is not."""
    info, now = seen.info, instant(seen.info.get("ts"))
    if now is None:
        return ""
    given = _active(info, "delivered") or instant(info.get("created")) or now
    silent = now - given > limit
    old = seen.oldest is None or now - seen.oldest > limit
    if info.get("num_pending", 0) and silent and old:
        pending = "messages are pending"
        if seen.oldest:
            pending = f"the oldest message is pending for {readable.span(now - seen.oldest)}"
        return f"{pending} and none was delivered for {readable.span(now - given)}"
    confirmed = _active(info, "ack_floor")
    quiet = confirmed is None or now - confirmed > limit
    if info.get("num_ack_pending", 0) and silent and quiet and not info.get("num_waiting", 0):
        past = readable.span(now - given)
        return f"messages delivered {past} ago are not acknowledged and no client is waiting"
    return ""


def _todo(name: str) -> str:
    if subjects.epoch_of_consumer(name) is not None:
        return "read the coordinator's log and restart it: stt coordinator"
    site, _, family = name.removeprefix("w_").rpartition("_")
    return f"start a worker with {family} targets at site {site}: stt worker --config worker.toml"


def _differences(info: ServerAnswer) -> list[str]:
    """The settings that differ from those that the coordinator sets."""
    config: ServerAnswer = info.get("config", {})
    of_results = subjects.MAX_UNACKED_RESULTS
    if _most(info) > of_results:  # of coordinators that share a store, as many as NATS allows
        of_results = min(_most(info), subjects.MAX_UNACKED_SHARED)
    wanted: dict[str, object] = {
        "ack_policy": "explicit",
        "ack_wait": int(subjects.ACK_WAIT.total_seconds()) * 10**9,
        "max_deliver": -1,
        "max_ack_pending": of_results
        if subjects.epoch_of_consumer(str(config.get("durable_name"))) is not None
        else subjects.MAX_UNACKED_JOBS,
    }
    return different(wanted, config)


def instant(text: object) -> datetime | None:
    """The instant in a server's answer; None for anything else."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
