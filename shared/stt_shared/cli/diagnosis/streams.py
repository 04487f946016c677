"""The streams and consumers of NATS: whether they are as they must be, and whether they move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from stt_shared.cli.diagnosis.line import Line, fail, ok, warn
from stt_shared.protocol.subjects import CONSUMER_RESULTS, STREAMS, StreamSpec
from stt_shared.report import words

STUCK = timedelta(minutes=10)  # a job takes at most some minutes, a batch of results a second
NANOSECONDS = 10**9


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
        "max_age": int(spec.max_age.total_seconds()) * NANOSECONDS,
        "max_msgs_per_subject": spec.max_msgs_per_subject,
        "discard_new_per_subject": spec.discard_new_per_subject,
        "allow_direct": spec.allow_direct,
        "duplicate_window": int(spec.duplicate_window.total_seconds()) * NANOSECONDS,
    }
    default = {"discard_new_per_subject": False, "allow_direct": False}
    return [
        f"{name} is {found}, not {value}"
        for name, value in wanted.items()
        if (found := config.get(name, default.get(name))) != value
    ]


def consumers(answers: Sequence[Mapping[str, Any]], now: datetime) -> list[Line]:
    """Whether what waits for workers and coordinator is taken; an answer describes a consumer."""
    lines = [line for answer in answers if (line := _stuck(answer, now))]
    waiting = sum(_waiting(answer) for answer in answers)
    if not lines:
        held = words.number(waiting, "message")
        lines.append(ok("consumers", f"{words.number(len(answers), 'consumer')}, {held} waiting"))
    return lines


def _waiting(answer: Mapping[str, Any]) -> int:
    return int(answer.get("num_pending", 0)) + int(answer.get("num_ack_pending", 0))


def _stuck(answer: Mapping[str, Any], now: datetime) -> Line | None:
    """A line of a consumer that has work and has not moved for STUCK."""
    config = answer.get("config", {})
    moves = [answer.get(key, {}).get("last_active") for key in ("delivered", "ack_floor")]
    times = [datetime.fromisoformat(str(at)) for at in (*moves, answer.get("created")) if at]
    still = now - max(times, default=now)
    if not _waiting(answer) or still <= STUCK:
        return None
    name = str(answer.get("name", ""))
    seen = (
        f"{config.get('filter_subject') or answer.get('stream_name', '')}: "
        f"{answer.get('num_pending', 0)} waiting, {answer.get('num_ack_pending', 0)} unanswered,"
        f" nothing moved for {int(still.total_seconds() // 60)} min"
    )
    if name == CONSUMER_RESULTS:
        return fail(f"consumer {name}", seen, "look at the coordinator: stt status, and its log")
    return fail(f"consumer {name}", seen, "start a worker of that site, or look at its log")
