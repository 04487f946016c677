"""The closed set of metrics: name, kind, labels and meaning of each."""

from __future__ import annotations

from dataclasses import dataclass

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A metric as it is documented; `name` is that of its samples."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()


_WHERE = ("severity", "engine", "site")
_ALL = (
    Spec(
        name="stt_build_info",
        kind=GAUGE,
        help="1; the versions of the coordinator and of its Python",
        labels=("version", "python"),
    ),
    Spec(
        name="stt_coordinator_acting",
        kind=GAUGE,
        help="1 if this coordinator is the leader, 0 if it is not",
    ),
    Spec(
        name="stt_coordinator_active",
        kind=GAUGE,
        help="1 if this coordinator takes in results and answers, 0 if it is a standby",
    ),
    Spec(
        name="stt_coordinator_epoch",
        kind=GAUGE,
        help="epoch of the leader: it increases when another coordinator begins to lead",
    ),
    Spec(name="stt_standbys", kind=GAUGE, help="coordinators that are standbys: not active"),
    Spec(
        name="stt_store_info",
        kind=GAUGE,
        help="1; the kind of the store (sqlite, postgresql) and the version of its server",
        labels=("kind", "version"),
    ),
    Spec(name="stt_store_size_bytes", kind=GAUGE, help="size of the store; missing if unknown"),
    Spec(
        name="stt_store_durable",
        kind=GAUGE,
        help=(
            "0 if confirmed results can be lost, as with an asynchronous standby; else 1; missing"
            " while the store does not answer"
        ),
    ),
    Spec(name="stt_enabled", kind=GAUGE, help="1 if checks run, 0 if they are disabled"),
    Spec(
        name="stt_clock_held",
        kind=GAUGE,
        help="1 while clocks disagree and scheduled runs, retention and ends of exceptions wait",
    ),
    Spec(
        name="stt_clock_offset_seconds",
        kind=GAUGE,
        help="how far the coordinator's clock is ahead of that of the NATS server; missing if "
        "unknown",
    ),
    Spec(
        name="stt_findings",
        kind=GAUGE,
        help="findings that are open and not accepted",
        labels=_WHERE,
    ),
    Spec(
        name="stt_findings_accepted",
        kind=GAUGE,
        help="open findings that are accepted",
        labels=_WHERE,
    ),
    Spec(
        name="stt_databases",
        kind=GAUGE,
        help="databases by the result of the last run: checked, unreachable (no answer, "
        "whatever the reason), never (not checked yet)",
        labels=("engine", "site", "state"),
    ),
    Spec(
        name="stt_not_checked",
        kind=GAUGE,
        help="pairs of database and check that were not evaluated, by reason",
        labels=("reason", "engine", "site"),
    ),
    Spec(
        name="stt_parts_not_checked",
        kind=GAUGE,
        help="parts of databases that a check did not cover, by reason",
        labels=("reason", "engine", "site"),
    ),
    Spec(
        name="stt_check_executions_total",
        kind=COUNTER,
        help="executions of checks recorded since the coordinator started: passed, failed, "
        "skipped, error",
        labels=("engine", "result"),
    ),
    Spec(
        name="stt_check_duration_seconds",
        kind=HISTOGRAM,
        help="duration of check executions on the worker",
        labels=("engine",),
    ),
    Spec(
        name="stt_results_unused_total",
        kind=COUNTER,
        help="results that changed nothing since the coordinator started, by the code of their "
        "refusal, or repeated: a known one came again",
        labels=("code",),
    ),
    Spec(
        name="stt_run_last_start_timestamp_seconds",
        kind=GAUGE,
        help="when a database of the site was last asked, with or without an answer; 0 if never",
        labels=("site",),
    ),
    Spec(
        name="stt_run_last_success_timestamp_seconds",
        kind=GAUGE,
        help="when a database of the site last answered; 0 if never",
        labels=("site",),
    ),
    Spec(
        name="stt_workers",
        kind=GAUGE,
        help="workers that announce themselves; 0 for a site that has databases and no worker",
        labels=("site",),
    ),
    Spec(
        name="stt_events_published_total",
        kind=COUNTER,
        help="messages for subscribers that NATS has stored since the coordinator started",
        labels=("kind",),
    ),
    Spec(
        name="stt_event_publish_failures_total",
        kind=COUNTER,
        help="failed attempts to publish such a message; each is repeated",
        labels=("kind",),
    ),
    Spec(
        name="stt_check_pack_info",
        kind=GAUGE,
        help="1; the pack in use; missing for built-in checks",
        labels=("pack", "version", "key_id"),
    ),
    Spec(
        name="stt_check_pack_expiry_timestamp_seconds",
        kind=GAUGE,
        help="when workers begin to refuse the pack in use; missing for an unsigned pack",
        labels=("pack",),
    ),
)
SPECS = {spec.name: spec for spec in _ALL}
