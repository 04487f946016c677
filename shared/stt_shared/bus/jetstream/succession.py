"""Replace a consumer by one of another name that goes on behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stt_shared.bus.jetstream.link import Link
from stt_shared.bus.jetstream.streams import (
    NOT_FOUND,
    ApiError,
    call,
    consumer_config,
    start_behind,
)
from stt_shared.errors import UnreachableError
from stt_shared.protocol.specs import ConsumerSpec


async def succeed(link: Link, spec: ConsumerSpec, rank: Callable[[str], int | None]) -> None:
    """See `Bus.succeed`; raises UnreachableError if JetStream rejects a request."""
    try:
        found = await _all(link, spec.stream)
        before = [
            (place, one)
            for one in found
            if one["name"] != spec.name and (place := rank(one["name"])) is not None
        ]
        if all(one["name"] != spec.name for one in found):
            behind = 0
            if before:
                newest = max(before, key=lambda pair: pair[0])[1]
                behind = int(newest["ack_floor"]["stream_seq"])
            config = consumer_config(spec) | start_behind(behind)
            body = {"stream_name": spec.stream, "config": config}
            await call(link, f"CONSUMER.CREATE.{spec.stream}.{spec.name}", body)
        # Created before the others are deleted: in between, their positions would be lost with us.
        for _, one in before:
            try:
                await call(link, f"CONSUMER.DELETE.{spec.stream}.{one['name']}")
            except ApiError as error:
                if error.code not in NOT_FOUND:
                    raise
    except ApiError as error:
        raise UnreachableError(
            f"JetStream rejects consumer {spec.name} ({error.description}, {error.code})"
        ) from error


async def _all(link: Link, stream: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = await call(link, f"CONSUMER.LIST.{stream}", {"offset": len(found)})
        found += page["consumers"] or []
        if not page["consumers"] or len(found) >= page["total"]:
            return found
