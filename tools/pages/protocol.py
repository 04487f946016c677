"""The page docs/protocol.md, generated from subjects, streams and messages."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec

from stt_shared.protocol import (
    audit,
    control,
    coordinators,
    enums,
    findings,
    messages,
    records,
    subjects,
    suppressions,
)
from stt_shared.protocol.codec import MAX_MESSAGE_BYTES, schema_of
from stt_shared.protocol.control import Verb
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries import fleet, health, history, overview, reports
from stt_shared.protocol.specs import StreamSpec

HEAD = """# Protocol

Generated from the code; a test compares. Payloads are JSON. Each message carries its schema,
`stt.<name>/v<major>`. Within a major version fields are only added; a reader ignores unknown fields
and rejects a newer major version. No message carries a credential, a query or a script.
`stt schema NAME` prints the JSON Schema of a message.

Names in subjects are 1 to 64 of `a-z`, `0-9`, `_` and `-`. No message is larger than {limit} bytes.
"""
SUBJECTS: tuple[tuple[str, str, str], ...] = (
    ("stt.v1.job.<family>.<site>.<target>", "coordinator to workers", "Job"),
    ("stt.v1.result.<family>.<site>.<target>.<worker>", "worker to coordinator", "Result"),
    ("stt.v1.event.result.>", "republished to anyone: stored results", "Result"),
    (
        "stt.v1.event.finding.<change>.<severity>.<family>.<site>.<target>",
        "coordinator to anyone",
        "FindingEvent",
    ),
    (
        "stt.v1.event.exception.<created or changed or ending or ended or revoked>",
        "coordinator to anyone",
        "SuppressionEvent",
    ),
    ("stt.v1.event.run.<started or finished or skipped>", "coordinator to anyone", "RunEvent"),
    ("stt.v1.event.worker.<up or down>.<site>", "coordinator to anyone", "WorkerEvent"),
    (
        "stt.v1.event.target.<claimed/moved/gone/back/forgotten>.<family>.<site>.<target>",
        "coordinator to anyone",
        "TargetEvent",
    ),
    ("stt.v1.event.clock.<held or released>", "coordinator to anyone", "ClockEvent"),
    ("stt.v1.summary.all", "coordinator to anyone", "Summary"),
    ("stt.v1.summary.site.<site>", "coordinator to anyone", "Summary"),
    ("stt.v1.tick.<schedule>.<slot>", "coordinators among themselves, one for each slot", "Tick"),
    (
        "stt.v1.fence.<stream>.<epoch>.<n>",
        "coordinators among themselves: the epoch that may write to the stream",
        "the epoch as text",
    ),
    ("stt.v1.pack.<digest>", "coordinator to workers, read by direct get", "PackHead"),
    ("stt.v1.pack.<digest>.<n>", "coordinator to workers, read by direct get", "bytes"),
    ("stt.v1.announce.<site>.<worker>", "worker to coordinator, every 15 s", "Announcement"),
    (
        "stt.v1.standby.<name>",
        "others to the leader, every 5 s; active ones after commits too, up to 20/s",
        "Standby",
    ),
    ("stt.v1.nudge", "coordinator to workers: re-read the control state", "empty"),
    ("stt.v1.control.<verb>", "anyone to coordinator: the micro service `stt`", "see below"),
)
MESSAGES: tuple[type[Value], ...] = (
    messages.Job,
    messages.Result,
    messages.CheckOutcome,
    messages.Finding,
    messages.PartNotChecked,
    messages.TargetPart,
    messages.Facts,
    messages.Announcement,
    messages.HeldPack,
    messages.PackHead,
    messages.Tick,
    messages.ControlState,
    messages.Watermark,
    records.FindingEvent,
    records.FindingRecord,
    records.Acceptance,
    suppressions.SuppressionEvent,
    suppressions.SuppressionRecord,
    audit.AuditEntry,
    coordinators.Standby,
    coordinators.CoordinatorInfo,
    health.HealthPart,
    coordinators.StoreHealth,
    records.RunEvent,
    records.RunRecord,
    records.WorkerEvent,
    records.TargetEvent,
    records.ClockEvent,
    records.Summary,
    records.Counts,
)
_MODULES = re.compile(r"\b(?:stt_shared\.protocol\.[a-z]+|datetime|typing)\.")
VERBS: dict[Verb, tuple[type[Value], type[Value]]] = {
    Verb.ENABLE: (control.SwitchRequest, control.SwitchReply),
    Verb.DISABLE: (control.SwitchRequest, control.SwitchReply),
    Verb.RUN: (control.RunRequest, control.RunReply),
    Verb.STATUS: (control.Empty, control.StatusReply),
    Verb.OVERVIEW: (control.Empty, overview.OverviewReply),
    Verb.CHECKS: (control.Empty, control.ChecksReply),
    Verb.CHECK_DISABLE: (control.CheckSwitchRequest, control.SwitchReply),
    Verb.CHECK_ENABLE: (control.CheckSwitchRequest, control.SwitchReply),
    Verb.TARGETS: (control.TargetsRequest, control.TargetsReply),
    Verb.FINDINGS: (findings.FindingsRequest, findings.FindingsReply),
    Verb.FINDING_GROUPS: (overview.FindingGroupsRequest, overview.FindingGroupsReply),
    Verb.FINDING: (findings.FindingRequest, findings.FindingReply),
    Verb.ACCEPT: (suppressions.AcceptRequest, suppressions.SuppressionReply),
    Verb.UNACCEPT: (suppressions.UnacceptRequest, suppressions.SuppressionReply),
    Verb.SEVERITY_SET: (suppressions.SeveritySetRequest, suppressions.SuppressionReply),
    Verb.SEVERITY_RESET: (suppressions.SeverityResetRequest, suppressions.SuppressionReply),
    Verb.EXCEPTIONS: (suppressions.SuppressionsRequest, suppressions.SuppressionsReply),
    Verb.EXCEPTIONS_IMPORT: (suppressions.ImportRequest, suppressions.ImportReply),
    Verb.CHANGES: (findings.ChangesRequest, findings.ChangesReply),
    Verb.DIFF: (history.DiffRequest, history.DiffReply),
    Verb.TRENDS: (history.TrendsRequest, history.TrendsReply),
    Verb.RUNS: (reports.RunsRequest, reports.RunsReply),
    Verb.REPORT: (reports.ReportRequest, reports.ReportReply),
    Verb.AUDIT: (audit.AuditRequest, audit.AuditReply),
    Verb.HEALTH: (control.Empty, health.HealthReply),
    Verb.TARGET_MOVE: (fleet.TargetMoveRequest, fleet.FleetReply),
    Verb.TARGET_FORGET: (fleet.TargetForgetRequest, fleet.FleetReply),
    Verb.WORKER_FORGET: (fleet.WorkerForgetRequest, fleet.FleetReply),
    Verb.EVENTS_REPLAY: (history.EventsReplayRequest, history.EventsReplayReply),
}


def render() -> str:
    """The whole page as Markdown."""
    return "\n".join(
        [
            HEAD.format(limit=f"{MAX_MESSAGE_BYTES:,}"),
            _table("Subjects", ("subject", "from and to", "message"), SUBJECTS),
            _table("Streams", ("stream", "subjects", "settings"), map(_stream, subjects.STREAMS)),
            _consumers(),
            _control(),
            _enumerations(),
            "## Messages\n",
            *(_message(kind) for kind in MESSAGES),
        ]
    )


def _table(title: str, heads: tuple[str, ...], rows: Any) -> str:
    lines = [f"## {title}\n", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [
        "| " + " | ".join(_code(index, cell) for index, cell in enumerate(row)) + " |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _code(index: int, cell: str) -> str:
    return f"`{cell}`" if index == 0 else cell


def _stream(spec: StreamSpec) -> tuple[str, str, str]:
    facts = [spec.retention, f"discard {spec.discard}", f"kept {_span(spec.max_age)}"]
    if spec.max_msgs_per_subject > 0:
        facts.append(f"{spec.max_msgs_per_subject} a subject")
    if spec.discard_new_per_subject:
        facts.append("a second one is rejected")
    facts.append(f"duplicates known for {_span(spec.duplicate_window)}")
    if spec.republish:
        facts.append(f"republished to `{spec.republish[1]}`")
    return spec.name, ", ".join(f"`{one}`" for one in spec.subjects), ", ".join(facts)


def _span(span: timedelta) -> str:
    if not span:
        return "for ever"
    hours = span.total_seconds() / 3600
    if hours >= 48:  # noqa: PLR2004  # two days read better as days
        return f"{hours / 24:g} d"
    return f"{hours:g} h" if hours >= 1 else f"{hours * 60:g} min"


def _consumers() -> str:
    ack = f"{subjects.ACK_WAIT.total_seconds():g} s, kept alive every"
    keep = f"{subjects.KEEP_ALIVE.total_seconds():g} s"
    return (
        "Consumers, created only by the coordinator: `w_<site>_<family>` on `STT_JOBS`, shared by"
        f" the workers of a site, and\n`{subjects.RESULTS_STEM}EPOCH` on `STT_RESULTS`. Leases last"
        f" {ack} {keep}. After {subjects.MAX_DELIVERIES} deliveries without a result the\nworker"
        " ends the job with the outcome `error`, kind `dead`.\n"
    )


def _control() -> str:
    rows = [
        (f"stt.v1.control.{verb}", f"`{schema_of(ask)}`", f"`{schema_of(answer)}`")
        for verb, (ask, answer) in VERBS.items()
    ]
    return _table("Control", ("subject", "request", "reply"), rows)


def _enumerations() -> str:
    sets = (
        enums.Family,
        enums.Outcome,
        enums.Kind,
        enums.Severity,
        enums.FindingState,
        enums.Change,
        enums.SuppressionPhase,
        enums.RunPhase,
        enums.WorkerState,
        enums.TargetPhase,
        enums.ClockState,
        enums.Role,
        enums.Way,
        overview.OverviewState,
        overview.FindingGroupBy,
    )
    rows = [(kind.__name__, ", ".join(f"`{word}`" for word in kind)) for kind in sets]
    return _table("Enumerations", ("name", "values"), rows)


def _message(kind: type[Value]) -> str:
    lines = [f"### {kind.__name__}\n", (kind.__doc__ or "").split("\n\n")[0].strip() + "\n"]
    lines += ["| field | type | default |", "|---|---|---|"]
    lines += [_field(field) for field in msgspec.structs.fields(kind)]
    return "\n".join(lines) + "\n"


def _field(field: msgspec.structs.FieldInfo) -> str:
    if field.default is not msgspec.NODEFAULT:
        default = (
            "`null`"
            if field.default is None
            else f"`{field.default}`"
            if field.default != ""
            else "empty"
        )
    else:
        default = "required" if field.default_factory is msgspec.NODEFAULT else "empty"
    return f"| `{field.encode_name}` | {_type(field.type)} | {default} |"


def _type(kind: Any) -> str:
    if isinstance(kind, type) and not getattr(kind, "__args__", None):
        return kind.__name__
    return _MODULES.sub("", str(kind)).replace(" | ", " or ")
