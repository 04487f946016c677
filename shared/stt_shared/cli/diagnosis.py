"""What is right and wrong with an installation, judged from what its parts answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from stt_shared.errors import EXIT_INCOMPLETE
from stt_shared.protocol.control import StatusReply
from stt_shared.protocol.subjects import STREAMS, StreamSpec
from stt_shared.report import words
from stt_shared.report.status import switch_sentence

MIN_NATS = (2, 10)
MAX_SKEW = timedelta(seconds=5)


class Level(StrEnum):
    """How bad it is; only `fail` changes the exit code."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing looked at, what was seen, and what to do about it."""

    level: Level
    what: str
    seen: str
    todo: str = ""
    exit_code: int = EXIT_INCOMPLETE


def ok(what: str, seen: str) -> Line:
    """It is as it should be."""
    return Line(level=Level.OK, what=what, seen=seen)


def warn(what: str, seen: str, todo: str) -> Line:
    """It works, and could bite."""
    return Line(level=Level.WARN, what=what, seen=seen, todo=todo)


def fail(what: str, seen: str, todo: str) -> Line:
    """It does not work."""
    return Line(level=Level.FAIL, what=what, seen=seen, todo=todo)


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


def clock_skew(server_time: datetime | None, now: datetime) -> Line:
    """How far this computer's clock is from the server's."""
    if server_time is None:
        return warn("clock", "the server's time is unknown", "compare the clocks by hand")
    skew = abs(now - server_time)
    seen = f"{skew.total_seconds():.1f} s from the NATS server's"
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
    return ok("JetStream", f"{account.get('streams', 0)} streams")


def streams(answers: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Whether every stream is as it must be; an answer describes the stream at its place."""
    pairs = list(zip(STREAMS, answers, strict=True))
    missing = [(spec.name, _said(answer)) for spec, answer in pairs if "config" not in answer]
    lines = [_stream(spec, answer) for spec, answer in pairs if "config" in answer]
    if missing:
        seen = ", ".join(f"{name} ({why})" for name, why in missing)
        todo = "a coordinator creates its streams when it starts: stt coordinator"
        lines.append(fail("streams", f"missing: {seen}", todo))
    return lines


def _said(answer: Mapping[str, Any]) -> str:
    return str(answer.get("error", {}).get("description", "no answer"))


def _stream(spec: StreamSpec, answer: Mapping[str, Any]) -> Line:
    if wrong := differences(spec, answer["config"]):
        todo = "restart the coordinator to correct it, or upgrade nats-server"
        return warn(spec.name, "differs: " + ", ".join(wrong), todo)
    state = answer.get("state", {})
    return ok(spec.name, f"{state.get('messages', 0)} messages, {state.get('bytes', 0)} bytes")


def differences(spec: StreamSpec, config: Mapping[str, Any]) -> list[str]:
    """The settings of `config` that are not as `spec` wants them, `name is x, not y`."""
    wanted: dict[str, object] = {
        "subjects": list(spec.subjects),
        "retention": spec.retention,
        "discard": spec.discard,
        "storage": "file",
        "max_age": int(spec.max_age.total_seconds()) * 10**9,
        "max_msgs_per_subject": spec.max_msgs_per_subject,
        "discard_new_per_subject": spec.discard_new_per_subject,
        "allow_direct": spec.allow_direct,
    }
    default = {"discard_new_per_subject": False, "allow_direct": False}
    return [
        f"{name} is {found}, not {value}"
        for name, value in wanted.items()
        if (found := config.get(name, default.get(name))) != value
    ]


def control(reply: StatusReply, now: datetime) -> list[Line]:
    """What the coordinator says of itself, its workers and its targets."""
    lines = [ok("coordinator", switch_sentence(reply.state, now))]
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


def verdict(lines: Iterable[Line]) -> tuple[int, str]:
    """The exit code of all lines, the most severe first, and why."""
    failed = [line for line in lines if line.level is Level.FAIL]
    if not failed:
        return 0, ""
    worst = max(failed, key=lambda line: line.exit_code)
    return worst.exit_code, f"{words.number(len(failed), 'thing')} to mend, first: {worst.what}"


def amounts(lines: Sequence[Line]) -> str:
    """How many are ok, to be watched, and wrong."""
    return ", ".join(f"{sum(line.level is one for line in lines)} {one}" for one in Level)
