"""Keep streams usable: delete what was acknowledged, and free what is never delivered again."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from stt_shared.bus.jetstream.link import Link
from stt_shared.bus.jetstream.streams import NOT_FOUND, ApiError, call
from stt_shared.bus.jetstream.succession import NO_MESSAGE
from stt_shared.errors import UnreachableError
from stt_shared.protocol.specs import ConsumerSpec

FULL_SHARE, KEPT_SHARE = 0.75, 0.5  # of max_bytes: above the first, what is above the second goes
MAX_FREED = 1_000  # messages of one call


async def trim(link: Link, consumer: ConsumerSpec) -> int:
    """Delete the oldest messages that `consumer` has acknowledged, if its stream is nearly full.

    Returns their number; raises UnreachableError.
    """
    try:
        floor = await _floor(link, consumer)
        info = await call(link, f"STREAM.INFO.{consumer.stream}")
        limit, state = int(info["config"]["max_bytes"]), info["state"]
        if limit <= 0 or state["bytes"] <= limit * FULL_SHARE:
            return 0
        too_many = math.ceil(state["messages"] * (1 - limit * KEPT_SHARE / state["bytes"]))
        # Never above the floor: what is not acknowledged is not in the store yet.
        end = min(state["first_seq"] + too_many, floor + 1)
        answer = await call(link, f"STREAM.PURGE.{consumer.stream}", {"seq": end})
        return int(answer["purged"])
    except ApiError as error:
        raise UnreachableError(f"cannot make room in {consumer.stream} ({error})") from error


async def free(
    link: Link, consumer: ConsumerSpec, suspects: Collection[str] = ()
) -> tuple[str, ...]:
    """Delete messages of a work queue that `consumer` will never deliver again.

    They are at or below its acknowledgement floor, as after a broker whose disk was full: each
    occupies its subject until it is too old. See `Bus.free` for the subjects in `suspects`.
    Returns the subjects; raises UnreachableError.
    """
    freed: list[str] = []
    try:
        freed += await _empty_if_damaged(link, consumer, suspects)
        floor = await _floor(link, consumer)
        wanted = {"seq": 1, "next_by_subj": consumer.filter_subject}
        while floor and len(freed) < MAX_FREED:
            found = (await call(link, f"STREAM.MSG.GET.{consumer.stream}", wanted))["message"]
            if found["seq"] > floor:
                break
            number = {"seq": found["seq"], "no_erase": True}
            await call(link, f"STREAM.MSG.DELETE.{consumer.stream}", number)
            freed.append(found["subject"])
    except ApiError as error:
        if error.code != NO_MESSAGE:
            what = f"cannot free subjects of {consumer.stream} ({error})"
            raise UnreachableError(what) from error
    return tuple(freed)


async def _empty_if_damaged(
    link: Link, consumer: ConsumerSpec, suspects: Collection[str]
) -> list[str]:
    """Purge the queue if it counts a message of a suspect that cannot be read; its subjects.

    Bits flipped on the server's disk: no consumer gets the message, no deletion finds it, and each
    new message of its subject is rejected. Only the purge of a whole stream counts anew.
    """
    if not suspects:
        return []
    end = int((await _state(link, consumer.stream))["last_seq"]) + 1
    counted = await _counted(link, consumer.stream, consumer.filter_subject)
    lost = [
        subject
        for subject in sorted(counted & set(suspects))
        # Asked again: a message that a worker acknowledged in between is no longer counted.
        if not await _is_readable(link, consumer.stream, subject)
        and await _counted(link, consumer.stream, subject)
    ]
    if lost:
        # Up to what was there at first: a message that was published since can be read.
        await call(link, f"STREAM.PURGE.{consumer.stream}", {"seq": end})
    return lost


async def _is_readable(link: Link, stream: str, subject: str) -> bool:
    try:
        await call(link, f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
    except ApiError as error:
        if error.code != NO_MESSAGE:
            raise
        return False
    return True


async def _counted(link: Link, stream: str, pattern: str) -> set[str]:
    """The subjects of which the server counts a message."""
    state = await _state(link, stream, {"subjects_filter": pattern})
    return set(state.get("subjects") or ())


async def _state(link: Link, stream: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
    info = await call(link, f"STREAM.INFO.{stream}", request)
    state: dict[str, Any] = info["state"]
    return state


async def delete(
    link: Link, stream: str, subject: str, before: int, consumer: ConsumerSpec | None
) -> int:
    """See `Bus.delete`; raises UnreachableError."""
    try:
        if consumer is not None:
            floor = await _floor(link, consumer)
            if not floor:
                return 1  # the server would take sequence 1 for no limit at all
            before = min(before, floor + 1)
        await call(link, f"STREAM.PURGE.{stream}", {"filter": subject, "seq": before})
    except ApiError as error:
        raise UnreachableError(f"cannot delete on {stream} ({error.description})") from error
    return before


async def behind(link: Link, streams: Sequence[str]) -> frozenset[str]:
    """The names of servers with a replica of `streams` that is offline or not up to date.

    A server whose disk is full is among them: it stays connected, with JetStream switched off.
    Raises UnreachableError.
    """
    late: set[str] = set()
    try:
        for stream in streams:
            info = await call(link, f"STREAM.INFO.{stream}")
            cluster: dict[str, Any] = info.get("cluster") or {}
            peers: list[dict[str, Any]] = cluster.get("replicas") or []
            late |= {
                str(peer.get("name", ""))
                for peer in peers
                if peer.get("offline") or not peer.get("current")
            }
    except ApiError as error:
        raise UnreachableError(f"cannot read the replicas of streams ({error})") from error
    return frozenset(late)


async def _floor(link: Link, consumer: ConsumerSpec) -> int:
    """Up to which sequence of the stream the consumer has acknowledged everything; 0: nothing."""
    try:
        info = await call(link, f"CONSUMER.INFO.{consumer.stream}.{consumer.name}")
    except ApiError as error:
        if error.code in NOT_FOUND:
            return 0
        raise
    # The server moves the floor with an acknowledgement only. Without pending ones everything that
    # was delivered is done, also what reached its last delivery.
    floor = info["ack_floor"] if info["num_ack_pending"] else info["delivered"]
    return int(floor["stream_seq"])
