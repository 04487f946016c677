"""Create and correct streams and consumers, and report the features that the server lacks.

The raw API is used, because the models of the client drop unknown fields.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from stt_shared.bus.jetstream import servers
from stt_shared.bus.jetstream.link import Link
from stt_shared.errors import UnreachableError
from stt_shared.protocol.codec import UNDECODABLE
from stt_shared.protocol.specs import ConsumerSpec, StreamSpec
from stt_shared.protocol.subjects import KV_STREAM

API_S = 10.0
MAX_REPLICAS = 3
NOT_FOUND = frozenset({10059, 10014})  # stream, consumer
UNKNOWN_FIELD = 10025
NO_STORAGE = frozenset({10047, 10028, 10023, 10101})  # limits of server or account are lower
TOO_MANY_UNACKED = 10121  # limits of server, account or stream are lower
OPTIONAL = ("allow_atomic",)
LEADER_VERSION = "_nats.ver"  # in the metadata of a stream, written by the server that answers
FORGETS_REFUSED = (2, 12)
BATCH_SERVER = (2, 12)
SMALLER = 8  # a stream that does not fit is retried with an eighth of its size, twice

_ANSWER = msgspec.json.Decoder(dict[str, Any])


class ApiError(Exception):
    """JetStream answered with an error."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


async def call(link: Link, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One call of the JetStream API; raises ApiError or UnreachableError."""
    data = json.dumps(body).encode() if body else b""
    reply = await link.request(link.options.api(subject), data, API_S)
    try:
        answer = _ANSWER.decode(reply.data)
    except UNDECODABLE as error:
        raise UnreachableError(f"the answer on $JS.API.{subject} cannot be read") from error
    if problem := answer.get("error"):
        code = int(problem.get("err_code", problem.get("code", 0)))
        raise ApiError(code, str(problem.get("description", "")))
    return answer


async def ensure(
    link: Link, streams: Sequence[StreamSpec], consumers: Sequence[ConsumerSpec]
) -> tuple[str, ...]:
    """Create or correct all; returns the features that the server lacks, as text.

    Raises UnreachableError if JetStream rejects a request.
    """
    degraded: list[str] = []
    try:
        replicas = await _replicas(link)
        for stream in streams:
            degraded += await _ensure_stream(link, stream, replicas)
        # After the streams: a consumer needs its stream.
        for consumer in consumers:
            degraded += await _ensure_consumer(link, consumer)
    except ApiError as error:
        raise UnreachableError(
            f"JetStream rejects the request ({error.description}, {error.code})",
            hint="stt needs a nats-server with JetStream; see stt doctor",
        ) from error
    return tuple(degraded)


async def _replicas(link: Link) -> int:
    if link.options.replicas:
        return link.options.replicas
    known = {server.netloc for server in link.client.servers}
    return MAX_REPLICAS if len(known) >= MAX_REPLICAS else 1


async def server_time(link: Link, stream: str) -> datetime:
    """The clock of the server that answers for `stream`; raises UnreachableError."""
    try:
        answer = await call(link, f"STREAM.INFO.{stream}")
        return msgspec.convert(answer.get("ts"), datetime).astimezone(UTC)
    except (ApiError, msgspec.ValidationError, ValueError, OverflowError) as error:
        raise UnreachableError(f"the NATS server does not say what time it is ({error})") from error


async def keeps_refused(link: Link, stream: str) -> bool:
    """Whether the leader of `stream` keeps the id of a message that it has refused.

    The answer about a stream has the version of its leader, from 2.11 on. Without an answer false:
    the leader may be about to change.
    """
    try:
        config = (await call(link, f"STREAM.INFO.{stream}"))["config"]
    except (ApiError, UnreachableError):
        return False
    metadata: dict[str, Any] = config.get("metadata") or {}
    version = str(metadata.get(LEADER_VERSION, ""))
    numbers = [int(one) for one in version.split(".")[:2] if one.isdigit()]
    return tuple(numbers) < FORGETS_REFUSED


def nanoseconds(span: timedelta) -> int:
    """`span` in nanoseconds, as in the API."""
    return int(span.total_seconds()) * 1_000_000_000


def stream_config(spec: StreamSpec, replicas: int) -> dict[str, Any]:
    """The requested configuration of a stream."""
    config: dict[str, Any] = {
        "name": spec.name,
        "subjects": list(spec.subjects),
        "retention": spec.retention,
        "storage": "file",
        "discard": spec.discard,
        "max_age": nanoseconds(spec.max_age),
        "max_bytes": spec.max_bytes,
        "max_msgs_per_subject": spec.max_msgs_per_subject,
        "discard_new_per_subject": spec.discard_new_per_subject,
        "duplicate_window": nanoseconds(spec.duplicate_window),
        "num_replicas": replicas,
        "allow_direct": spec.allow_direct,
    }
    if spec.republish is not None:
        config["republish"] = {"src": spec.republish[0], "dest": spec.republish[1]}
    if spec.allow_atomic:
        config["allow_atomic"] = True
    if spec.name.startswith(KV_STREAM):
        config["allow_rollup_hdrs"] = True
        config["deny_delete"] = True
    return config


def consumer_config(spec: ConsumerSpec) -> dict[str, Any]:
    """The requested configuration of a consumer."""
    config: dict[str, Any] = {
        "durable_name": spec.name,
        "name": spec.name,
        "ack_policy": spec.ack_policy,
        "deliver_policy": "all",
        "max_deliver": spec.max_deliver,
    }
    if spec.ack_policy != "none":  # else the server rejects both
        config["ack_wait"] = nanoseconds(spec.ack_wait)
        config["max_ack_pending"] = spec.max_ack_pending
    if spec.filter_subject:
        config["filter_subject"] = spec.filter_subject
    return config


def differing(asked: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The names of the fields that differ; a missing field counts as empty."""
    return [name for name, value in asked.items() if (found.get(name) or None) != (value or None)]


def start_behind(acknowledged: int) -> dict[str, Any]:
    """The part of a consumer's configuration by which it delivers all behind a sequence."""
    if not acknowledged:
        return {"deliver_policy": "all"}
    return {"deliver_policy": "by_start_sequence", "opt_start_seq": acknowledged + 1}


async def _ensure_stream(link: Link, spec: StreamSpec, replicas: int) -> list[str]:
    asked = stream_config(spec, replicas)
    try:
        found = (await call(link, f"STREAM.INFO.{spec.name}"))["config"]
    except ApiError as error:
        if error.code not in NOT_FOUND:
            raise
        if asked.get("allow_atomic") and await _has_older(link):
            del asked["allow_atomic"]
        return await _write_stream(link, f"STREAM.CREATE.{spec.name}", asked)
    if not link.options.replicas:
        # Counted from the nodes that this client has heard of: fewer may be up than there are.
        asked["num_replicas"] = max(replicas, int(found.get("num_replicas", 1)))
    late: list[str] = []
    if asked.get("allow_atomic") and not found.get("allow_atomic") and await _has_older(link):
        # In a rolling upgrade the nodes that are older would lose their replicas of the stream.
        del asked["allow_atomic"]
        late = [f"{spec.name}: no allow_atomic before all servers of the cluster are 2.12 or newer"]
    wrong = differing(asked, found)
    # A size that an earlier start had to reduce is kept.
    if not wrong or wrong == ["max_bytes"]:
        return late + ([f"{spec.name}: max_bytes is {found['max_bytes']}"] if wrong else [])
    return late + await _write_stream(link, f"STREAM.UPDATE.{spec.name}", found | asked)


async def _has_older(link: Link) -> bool:
    """Whether a node of the cluster may be too old for batches."""
    return link.is_clustered and not await servers.all_are_at_least(link, BATCH_SERVER)


async def _write_stream(link: Link, subject: str, asked: dict[str, Any]) -> list[str]:
    degraded: list[str] = []
    config = dict(asked)
    for _attempt in range(4):
        try:
            echoed = (await call(link, subject, config))["config"]
        except ApiError as error:
            degraded.append(_weaken(config, error))
        else:
            # Compared with what the server took: an older one drops what it does not know,
            # silently.
            # Its metadata has the version of the server that answers, which may be another one.
            missing = [name for name in differing(config, echoed) if name != "metadata"]
            return [*degraded, *(f"{config['name']}: no {name}" for name in missing)]
    raise ApiError(0, f"{asked['name']}: " + "; ".join(degraded))


def _weaken(config: dict[str, Any], error: ApiError) -> str:
    """Reduce the requested config; raises `error` if nothing can be left out."""
    if error.code in NO_STORAGE and config["max_bytes"] > 0:
        # Smaller, not refused: a broker with little room still carries a small fleet.
        config["max_bytes"] //= SMALLER
        return f"{config['name']}: {error.description}, now max_bytes {config['max_bytes']}"
    optional = [name for name in OPTIONAL if name in config]
    if error.code == UNKNOWN_FIELD and optional:
        for name in optional:
            del config[name]
        return f"{config['name']}: no {', '.join(optional)}"
    raise error


async def _ensure_consumer(link: Link, spec: ConsumerSpec) -> list[str]:
    asked = consumer_config(spec)
    try:
        found = (await call(link, f"CONSUMER.INFO.{spec.stream}.{spec.name}"))["config"]
        # Where a consumer started cannot be changed, and a successor did not start at the first.
        del asked["deliver_policy"]
        if not differing(asked, found):
            return []
        asked = found | asked
    except ApiError as error:
        if error.code not in NOT_FOUND:
            raise
    return await write_consumer(link, spec, asked)


async def write_consumer(link: Link, spec: ConsumerSpec, config: dict[str, Any]) -> list[str]:
    """Create or update a consumer; returns what the server lacks.

    Raises ApiError and UnreachableError.
    """
    subject = f"CONSUMER.CREATE.{spec.stream}.{spec.name}"
    subject += f".{spec.filter_subject}" if spec.filter_subject else ""
    asked, reduced = dict(config), list[str]()
    while True:
        body = {"stream_name": spec.stream, "config": asked}
        try:
            echoed = (await call(link, subject, body))["config"]
        except ApiError as error:
            if error.code != TOO_MANY_UNACKED or asked.get("max_ack_pending", 0) <= 1:
                raise
            # Fewer, not refused: a coordinator starts with any limit of its server.
            asked["max_ack_pending"] //= 2
            reduced = [f"{spec.name}: max_ack_pending is {asked['max_ack_pending']}"]
        else:
            return reduced + [f"{spec.name}: no {name}" for name in differing(asked, echoed)]
