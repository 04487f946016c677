"""Replace a consumer, read up to where it acknowledged, and delete consumers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

from stt_shared.bus.jetstream.link import Link
from stt_shared.bus.jetstream.streams import (
    NOT_FOUND,
    ApiError,
    call,
    consumer_config,
    start_behind,
    write_consumer,
)
from stt_shared.bus.values import Stored
from stt_shared.errors import UnreachableError
from stt_shared.protocol.specs import ConsumerSpec

NO_MESSAGE = 10037


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
            await write_consumer(link, spec, config)
        # Created before the others are deleted: in between, their positions would be lost with us.
        for _, one in before:
            await _delete(link, spec.stream, one["name"])
    except ApiError as error:
        raise UnreachableError(
            f"JetStream rejects consumer {spec.name} ({error.description}, {error.code})"
        ) from error


async def acknowledged(link: Link, stream: str, rank: Callable[[str], int | None]) -> Stored | None:
    """See `Bus.acknowledged`; None also if the message is not in the stream any more."""
    try:
        ranked = [
            (place, one)
            for one in await _all(link, stream)
            if (place := rank(one["name"])) is not None
        ]
        newest = max(ranked, key=lambda pair: pair[0])[1] if ranked else None
        floor = int(newest["ack_floor"]["stream_seq"]) if newest else 0
        if not floor:
            return None
        found = (await call(link, f"STREAM.MSG.GET.{stream}", {"seq": floor}))["message"]
    except ApiError as error:
        if error.code in (*NOT_FOUND, NO_MESSAGE):
            return None
        raise UnreachableError(f"cannot read consumers of {stream} ({error})") from error
    return Stored(data=base64.b64decode(found.get("data", "")), sequence=floor)


async def drop(link: Link, stream: str, is_dropped: Callable[[str], bool]) -> tuple[str, ...]:
    """See `Bus.drop`; raises UnreachableError if JetStream rejects a request."""
    try:
        # All names before the first deletion: pages are counted from the start of the list.
        dropped = sorted(filter(is_dropped, [one async for one in _names(link, stream)]))
        for name in dropped:
            await _delete(link, stream, name)
    except ApiError as error:
        raise UnreachableError(
            f"cannot delete consumers of {stream} ({error.description}, {error.code})"
        ) from error
    return tuple(dropped)


async def _delete(link: Link, stream: str, name: str) -> None:
    try:
        await call(link, f"CONSUMER.DELETE.{stream}.{name}")
    except ApiError as error:
        if error.code not in NOT_FOUND:
            raise


async def _names(link: Link, stream: str) -> AsyncIterator[str]:
    read = 0
    while True:
        page = await call(link, f"CONSUMER.NAMES.{stream}", {"offset": read})
        names: list[str] = page["consumers"] or []
        read += len(names)
        for name in names:
            yield name
        if not names or read >= page["total"]:
            return


async def _all(link: Link, stream: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = await call(link, f"CONSUMER.LIST.{stream}", {"offset": len(found)})
        found += page["consumers"] or []
        if not page["consumers"] or len(found) >= page["total"]:
            return found
