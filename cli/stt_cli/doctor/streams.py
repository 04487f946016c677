"""Whether every stream exists, with its settings, free space and all replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from stt_cli.doctor.diagnostic_line import DiagnosticLine, fail, ok, unknown, warn
from stt_cli.doctor.server import WATCH_FULL, ServerAnswer
from stt_shared.protocol.specs import StreamSpec
from stt_shared.protocol.subjects import STREAMS
from stt_shared.report import readable
from stt_shared.report.readable import size

CREATE = "start a coordinator, which creates its streams: stt coordinator"
_SPANS = ("max_age", "duplicate_window")
_ABSENT: dict[str, object] = {
    "discard_new_per_subject": False,
    "allow_direct": False,
    "allow_atomic": False,
}


def streams(answers: Sequence[ServerAnswer]) -> list[DiagnosticLine]:
    """The lines about the streams; `answers` are in the order of STREAMS."""
    pairs = list(zip(STREAMS, answers, strict=True))
    lines = [_stream(spec, answer) for spec, answer in pairs if "config" in answer]
    missing = [(spec.name, answer) for spec, answer in pairs if "config" not in answer]
    if gone := [(name, error_text(answer)) for name, answer in missing if "error" in answer]:
        seen = ", ".join(f"{name} ({why})" for name, why in gone)
        lines.append(fail("streams", f"missing: {seen}", CREATE))
    if unanswered := [
        (name, reason_unanswered(answer)) for name, answer in missing if "error" not in answer
    ]:
        because = f"{unanswered[0][1]}: {readable.first_names([name for name, _ in unanswered])}"
        todo = "streams are examined with the coordinator's user: stt doctor --as coordinator"
        lines.append(unknown("streams", because, todo))
    return lines


def error_text(answer: ServerAnswer) -> str:
    """The error that the server answered."""
    return str(answer.get("error", {}).get("description", "no answer"))


def reason_unanswered(answer: ServerAnswer) -> str:
    """Why there is no answer."""
    return str(answer.get("unanswered", "no answer"))


def _stream(spec: StreamSpec, answer: ServerAnswer) -> DiagnosticLine:
    if wrong := differences(spec, answer["config"]):
        todo = "restart the coordinator to correct it, or upgrade nats-server"
        return warn(spec.name, "differs: " + ", ".join(wrong), todo)
    state, limit = answer.get("state", {}), answer["config"].get("max_bytes", -1)
    used = state.get("bytes", 0)
    seen = f"{readable.number(state.get('messages', 0), 'message')}, {size(used)}"
    if limit > 0:
        seen += f" of {size(limit)}"
    if 0 < limit <= used / WATCH_FULL and spec.discard == "new":
        todo = "a full stream rejects new messages: check its consumer (below)"
        return warn(spec.name, f"{seen} (limit {WATCH_FULL:.0%})", todo)
    return ok(spec.name, seen)


def differences(spec: StreamSpec, config: ServerAnswer) -> list[str]:
    """The settings of `config` that differ from `spec`, e.g. `storage is memory, expected file`."""
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
        "republish": " to ".join(spec.republish) if spec.republish else "",
    }
    echo = config.get("republish")
    republish = f"{echo.get('src')} to {echo.get('dest')}" if echo else ""
    found = {**_ABSENT, **config, "republish": republish}
    wrong = different(wanted, found)
    size_found = config.get("max_bytes", -1)
    if 0 < size_found < spec.max_bytes:
        wrong.append(f"max_bytes is {size(size_found)}, expected {size(spec.max_bytes)}")
    return wrong


def different(wanted: Mapping[str, object], found: ServerAnswer) -> list[str]:
    """The settings of `found` that differ, e.g. `storage is memory, expected file`."""
    return [
        f"{name} is {_shown(name, found.get(name))}, expected {_shown(name, value)}"
        for name, value in wanted.items()
        if found.get(name) != value
    ]


def _nanoseconds(span: timedelta) -> int:
    return int(span.total_seconds()) * 10**9


def _shown(name: str, value: object) -> str:
    if name in _SPANS and isinstance(value, int):
        return readable.span(timedelta(seconds=value / 10**9)) if value else "unlimited"
    return "nothing" if value in ("", None) else str(value)


def replicas(answers: Sequence[ServerAnswer], cluster: str) -> DiagnosticLine:
    """How many replicas the streams have, and whether all of them are up to date."""
    what = "NATS replicas"
    known = [answer for answer in answers if "config" in answer]
    if not known:
        return unknown(what, "no stream can be read", "see the line `streams`")
    peers: list[ServerAnswer] = []
    for answer in known:
        members: ServerAnswer = answer.get("cluster") or {}
        peers += members.get("replicas") or ()
    late = sorted(
        {
            f"{peer.get('name', '?')} ({'offline' if peer.get('offline') else 'behind'})"
            for peer in peers
            if peer.get("offline") or not peer.get("current", True)
        }
    )
    if late:
        todo = (
            "start that nats-server (nats server ls); if it runs and its log says `out of"
            " resources`, free space on its disk and restart it"
        )
        return warn(what, f"not up to date: {readable.first_names(late)}", todo)
    counts = {int(answer["config"].get("num_replicas", 1)) for answer in known}
    copies = " to ".join(map(str, sorted({min(counts), max(counts)})))
    if cluster and min(counts) == 1:
        seen = f"{copies} in cluster {cluster}: the loss of one server stops everything"
        return warn(what, seen, "stt coordinator --replicas 3, or coordinator.replicas = 3")
    return ok(what, f"{copies}, {'cluster ' + cluster if cluster else 'a single server'}")
