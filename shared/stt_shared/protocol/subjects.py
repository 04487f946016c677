"""Every subject, stream, consumer and bucket: names and settings."""

from __future__ import annotations

import re
from datetime import timedelta

from stt_shared.protocol import specs
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec

ROOT = "stt.v1"
SERVICE = "stt"
SERVICE_VERSION = "1.0.0"

STREAM_JOBS = "STT_JOBS"
STREAM_RESULTS = "STT_RESULTS"
STREAM_TICKS = "STT_TICKS"
STREAM_EVENTS = "STT_EVENTS"
STREAM_SUMMARY = "STT_SUMMARY"
STREAM_PACKS = "STT_PACKS"
BUCKET_CONTROL = "stt_control"
BUCKET_WATERMARK = "stt_watermark"
BUCKET_LEASE = "stt_lease"
KEY_STATE = "state"
KEY_COORDINATOR = "coordinator"

RESULTS_STEM = "results-"  # of the consumer of results; the epoch of its coordinator follows
RESULTS_BEFORE_EPOCHS = "aggregator"  # its name before coordinators had epochs
JOBS_STEM = "w_"  # of the consumers of jobs; the site and the family follow
_EPOCH = re.compile(r"[0-9]{1,18}")
NUDGE = f"{ROOT}.nudge"
ANNOUNCEMENTS = f"{ROOT}.announce.*.*"
STANDBYS = f"{ROOT}.standby.*"
SUMMARY_ALL = f"{ROOT}.summary.all"
EVENTS_OF_FINDINGS = f"{ROOT}.event.finding.>"

ACK_WAIT = specs.ACK_WAIT
KEEP_ALIVE = timedelta(seconds=15)  # a quarter of ACK_WAIT: three may be lost
MAX_DELIVERIES = 5  # enforced by the worker before it executes
MAX_UNACKED_JOBS = specs.MAX_UNACKED_JOBS
MAX_UNACKED_RESULTS = 4_096
MAX_UNACKED_SHARED = 32_768  # of all coordinators that share a store: each holds up to 2,048


KV = "$KV."  # the subjects of all buckets
KV_STREAM = "KV_"  # NATS names the stream of each bucket with this prefix


def js_api(call: str, domain: str = "") -> str:
    """The subject of a call of the JetStream API; `domain` is empty for that of the server."""
    return f"$JS.{domain}.API.{call}" if domain else f"$JS.API.{call}"


def fences(stream: str) -> str:
    """The subjects in `stream` of which the last message names the epoch that may write there."""
    return f"{ROOT}.fence.{stream}.>"


def fence(stream: str, epoch: int, number: int) -> str:
    """The subject of one fence: a stream that takes one message a subject needs a new one each."""
    return f"{ROOT}.fence.{stream}.{epoch}.{number}"


def kv_stream(bucket: str) -> str:
    """The stream behind a bucket."""
    return KV_STREAM + bucket


GIB = 1 << 30
LEASE = StreamSpec(
    name=kv_stream(BUCKET_LEASE),
    subjects=(f"{KV}{BUCKET_LEASE}.>",),
    max_msgs_per_subject=1,
    max_bytes=GIB // 256,
    discard="old",
    allow_direct=True,
)
STREAMS: tuple[StreamSpec, ...] = (
    StreamSpec(
        name=STREAM_JOBS,
        subjects=(f"{ROOT}.job.>", fences(STREAM_JOBS)),
        retention="workqueue",
        max_age=timedelta(hours=48),
        max_bytes=GIB,
        max_msgs_per_subject=1,
        discard_new_per_subject=True,
        duplicate_window=timedelta(hours=2),
        allow_direct=True,
        allow_atomic=True,
    ),
    StreamSpec(
        name=STREAM_RESULTS,
        subjects=(f"{ROOT}.result.>",),
        max_age=timedelta(days=30),
        max_bytes=20 * GIB,
        duplicate_window=timedelta(hours=24),
        republish=(f"{ROOT}.result.>", f"{ROOT}.event.result.>"),
    ),
    StreamSpec(
        name=STREAM_TICKS,
        subjects=(f"{ROOT}.tick.>", fences(STREAM_TICKS)),
        max_age=timedelta(days=400),
        max_bytes=GIB // 16,
        # The first decision about a slot is the only one, and each is written behind the fence.
        max_msgs_per_subject=1,
        discard_new_per_subject=True,
        allow_direct=True,
    ),
    StreamSpec(
        name=STREAM_EVENTS,
        subjects=(
            f"{ROOT}.event.finding.>",
            f"{ROOT}.event.exception.>",
            f"{ROOT}.event.run.>",
            f"{ROOT}.event.worker.>",
            f"{ROOT}.event.target.>",
            f"{ROOT}.event.clock.>",
            fences(STREAM_EVENTS),
        ),
        discard="old",
        max_age=timedelta(days=30),
        max_bytes=4 * GIB,
        duplicate_window=timedelta(hours=24),
        allow_direct=True,
    ),
    StreamSpec(
        name=STREAM_SUMMARY,
        subjects=(f"{ROOT}.summary.>", fences(STREAM_SUMMARY)),
        discard="old",
        max_age=timedelta(days=400),
        max_bytes=GIB // 4,
        max_msgs_per_subject=400,
        duplicate_window=timedelta(hours=24),
        allow_direct=True,
    ),
    StreamSpec(
        name=STREAM_PACKS,
        subjects=(f"{ROOT}.pack.>", fences(STREAM_PACKS)),
        discard="old",
        max_bytes=GIB // 4,
        max_msgs_per_subject=1,
        allow_direct=True,
    ),
    StreamSpec(
        name=kv_stream(BUCKET_CONTROL),
        subjects=(f"{KV}{BUCKET_CONTROL}.>",),
        max_msgs_per_subject=10,
        max_bytes=GIB // 64,
        discard="old",
        allow_direct=True,
    ),
    StreamSpec(
        name=kv_stream(BUCKET_WATERMARK),
        subjects=(f"{KV}{BUCKET_WATERMARK}.>", fences(kv_stream(BUCKET_WATERMARK))),
        max_msgs_per_subject=1,
        max_bytes=GIB // 16,
        discard="old",
        allow_direct=True,
    ),
    LEASE,
)
FENCED = tuple(spec for spec in STREAMS if fences(spec.name) in spec.subjects)


def stream_of(subject: str) -> StreamSpec | None:
    """The stream that stores `subject`, or None."""
    for stream in STREAMS:
        roots = tuple(pattern.removesuffix(">") for pattern in stream.subjects)
        if subject.startswith(roots):
            return stream
    return None


def atomic_stream(subject: str) -> str:
    """The stream that stores `subject` in atomic batches, or an empty text."""
    stream = stream_of(subject)
    return stream.name if stream is not None and stream.allow_atomic else ""


def results_consumer(epoch: int, *, is_shared: bool = False) -> ConsumerSpec:
    """The consumer that the coordinators of an epoch receive results from: one, or several.

    The next epoch deletes it: then the acknowledgements of a deposed coordinator have no effect.
    """
    return ConsumerSpec(
        stream=STREAM_RESULTS,
        name=f"{RESULTS_STEM}{epoch}",
        max_ack_pending=MAX_UNACKED_SHARED if is_shared else MAX_UNACKED_RESULTS,
    )


def placeholder() -> ConsumerSpec:
    """What keeps a coordinator of a release before epochs from acting beside a newer one.

    Such a coordinator knows no lease, but it does not begin before it has its consumer of results.
    The server rejects that while one of this name has another policy of acknowledgement.
    """
    return ConsumerSpec(stream=STREAM_RESULTS, name=RESULTS_BEFORE_EPOCHS, ack_policy="none")


def epoch_of_consumer(name: str) -> int | None:
    """The epoch that a consumer of results is named by; None for any other consumer."""
    if name == RESULTS_BEFORE_EPOCHS:
        return 0
    return epoch_of(name.removeprefix(RESULTS_STEM)) if name.startswith(RESULTS_STEM) else None


def epoch_of(text: str) -> int | None:
    """The epoch that `text` names; None for any other text.

    Whoever may write there may write anything: `isdigit` also takes digits that `int` rejects, and
    an epoch that fills 64 bits would have no successor.
    """
    return int(text) if _EPOCH.fullmatch(text) else None


def subscriber(name: str) -> ConsumerSpec:
    """The consumer of events that one subscriber outside of STT pulls from."""
    # Filtered: the stream has the fences of coordinators as well.
    return ConsumerSpec(stream=STREAM_EVENTS, name=name, filter_subject=f"{ROOT}.event.>")


def jobs_consumer(site: str, family: Family) -> ConsumerSpec:
    """The consumer that all workers of a site share for a family."""
    return ConsumerSpec(
        stream=STREAM_JOBS,
        name=f"{JOBS_STEM}{site}_{family}",
        filter_subject=f"{ROOT}.job.{family}.{site}.>",
    )


def site_of_consumer(name: str) -> str | None:
    """The site that a consumer of jobs is of; None for any other consumer."""
    site, _, family = name.removeprefix(JOBS_STEM).rpartition("_")
    is_of_jobs = name.startswith(JOBS_STEM) and family in set(Family) and site
    return site if is_of_jobs else None


def job(family: Family, site: str, target: str) -> str:
    """The subject of the job of a target; it holds one outstanding message at most."""
    return f"{ROOT}.job.{family}.{site}.{target}"


def result(family: Family, site: str, target: str, worker: str) -> str:
    """The subject of a result."""
    return f"{ROOT}.result.{family}.{site}.{target}.{worker}"


def tick(schedule: str, slot: str) -> str:
    """The subject of the one decision about a slot."""
    return f"{ROOT}.tick.{schedule}.{slot}"


def pack(digest: str) -> str:
    """The subject of the head of a pack file."""
    return f"{ROOT}.pack.{digest}"


def pack_part(digest: str, number: int) -> str:
    """The subject of a part of a pack file; `number` counts from 0."""
    return f"{ROOT}.pack.{digest}.{number}"


def announce(site: str, worker: str) -> str:
    """The subject of the heartbeats of a worker."""
    return f"{ROOT}.announce.{site}.{worker}"


def standby(name: str) -> str:
    """The subject on which a standby announces that it waits."""
    return f"{ROOT}.standby.{name}"


def summary_of_site(site: str) -> str:
    """The subject of the summary of one site."""
    return f"{ROOT}.summary.site.{site}"


def control(verb: Verb) -> str:
    """The subject of the requests of a verb."""
    return f"{ROOT}.control.{verb}"


def kv(bucket: str, key: str) -> str:
    """The subject of a key of a bucket."""
    return f"{KV}{bucket}.{key}"
