"""Whether every stream is there, with the settings it must have, room, and all its copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from stt_cli.doctor.line import Line, cannot_tell, fail, ok, size, warn
from stt_cli.doctor.server import WATCH_FULL, Told
from stt_shared.protocol.subjects import STREAMS, StreamSpec
from stt_shared.report import readable

CREATE = "a coordinator creates its streams when it starts: stt coordinator"
_SPANS = ("max_age", "duplicate_window")
_ABSENT: dict[str, object] = {
    "discard_new_per_subject": False,
    "allow_direct": False,
    "allow_atomic": False,
}


def streams(answers: Sequence[Told]) -> list[Line]:
    """Whether every stream is as it must be; an answer describes the stream at its place."""
    pairs = list(zip(STREAMS, answers, strict=True))
    lines = [_stream(spec, answer) for spec, answer in pairs if "config" in answer]
    missing = [(spec.name, answer) for spec, answer in pairs if "config" not in answer]
    if gone := [(name, said(answer)) for name, answer in missing if "error" in answer]:
        seen = ", ".join(f"{name} ({why})" for name, why in gone)
        lines.append(fail("streams", f"missing: {seen}", CREATE))
    if unknown := [(name, why_not(answer)) for name, answer in missing if "error" not in answer]:
        because = f"{unknown[0][1]}: {readable.first_names([name for name, _ in unknown])}"
        todo = "let this user publish to $JS.API.STREAM.INFO.*, or ask as the coordinator's user"
        lines.append(cannot_tell("streams", because, todo))
    return lines


def said(answer: Told) -> str:
    """What the server said instead of an answer."""
    return str(answer.get("error", {}).get("description", "no answer"))


def why_not(answer: Told) -> str:
    """Why there is no answer at all."""
    return str(answer.get("unanswered", "no answer"))


def _stream(spec: StreamSpec, answer: Told) -> Line:
    if wrong := differences(spec, answer["config"]):
        todo = "restart the coordinator to correct it, or upgrade nats-server"
        return warn(spec.name, "differs: " + ", ".join(wrong), todo)
    state, limit = answer.get("state", {}), answer["config"].get("max_bytes", -1)
    used = state.get("bytes", 0)
    seen = f"{readable.number(state.get('messages', 0), 'message')}, {size(used)}"
    if limit > 0:
        seen += f" of {size(limit)}"
    if 0 < limit <= used / WATCH_FULL and spec.discard == "new":
        todo = "a full one takes nothing more: see that its reader works (consumers below)"
        return warn(spec.name, f"{seen} (limit {WATCH_FULL:.0%})", todo)
    return ok(spec.name, seen)


def differences(spec: StreamSpec, config: Told) -> list[str]:
    """The settings of `config` that are not as `spec` wants them, `name is x, not y`."""
    wanted: dict[str, object] = {
        "subjects": list(spec.subjects),
        "retention": spec.retention,
        "discard": spec.discard,
        "storage": "file",
        "max_age": _nanoseconds(spec.max_age),
        "max_msgs_per_subject": spec.max_msgs_per_subject,
        "discard_new_per_subject": spec.discard_new_per_subject,
        "duplicate_window": _nanoseconds(spec.duplicate_window),
        "allow_direct": spec.allow_direct,
        "allow_atomic": spec.allow_atomic,
        "republish": _republished(spec),
    }
    found = {**_ABSENT, **config, "republish": _echoed(config.get("republish"))}
    wrong = different(wanted, found)
    size_found = config.get("max_bytes", -1)
    if 0 < size_found < spec.max_bytes:
        wrong.append(f"max_bytes is {size(size_found)}, not {size(spec.max_bytes)}")
    return wrong


def different(wanted: Mapping[str, object], found: Told) -> list[str]:
    """What of `wanted` is not so in `found`, in words."""
    return [
        f"{name} is {_shown(name, found.get(name))}, not {_shown(name, value)}"
        for name, value in wanted.items()
        if found.get(name) != value
    ]


def _republished(spec: StreamSpec) -> str:
    return " to ".join(spec.republish) if spec.republish else ""


def _echoed(republish: Any) -> str:
    return f"{republish.get('src')} to {republish.get('dest')}" if republish else ""


def _nanoseconds(span: timedelta) -> int:
    return int(span.total_seconds()) * 10**9


def _shown(name: str, value: object) -> str:
    if name in _SPANS and isinstance(value, int):
        return readable.span(timedelta(seconds=value / 10**9)) if value else "for ever"
    return "nothing" if value in ("", None) else str(value)


def replicas(answers: Sequence[Told], cluster: str) -> Line:
    """How many copies the streams have, and whether all of them are up to date."""
    what = "NATS replicas"
    told = [answer for answer in answers if "config" in answer]
    if not told:
        return cannot_tell(what, "no stream can be read", "see the line streams")
    late = sorted({_peer(peer) for answer in told for peer in _peers(answer) if _is_late(peer)})
    if late:
        return warn(
            what,
            f"behind or away: {readable.first_names(late)}",
            "start that nats-server: nats server ls",
        )
    counts = {int(answer["config"].get("num_replicas", 1)) for answer in told}
    copies = " to ".join(map(str, sorted({min(counts), max(counts)})))
    if cluster and min(counts) == 1:
        seen = f"{copies} in cluster {cluster}: the loss of one server stops everything"
        return warn(what, seen, "stt coordinator --replicas 3, or coordinator.replicas = 3")
    return ok(what, f"{copies}, {'cluster ' + cluster if cluster else 'a single server'}")


def _peers(answer: Told) -> list[Told]:
    cluster: Told = answer.get("cluster") or {}
    return list(cluster.get("replicas") or ())


def _is_late(peer: Told) -> bool:
    return bool(peer.get("offline")) or not peer.get("current", True)


def _peer(peer: Told) -> str:
    return f"{peer.get('name', '?')} ({'away' if peer.get('offline') else 'behind'})"
