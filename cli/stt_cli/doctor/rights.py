"""Whether the connected user of NATS may do what its role needs; names each subject refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from stt_cli.doctor.line import Line, cannot_tell, fail, ok, warn
from stt_cli.doctor.server import Told
from stt_shared.protocol import subjects
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family
from stt_shared.report import readable

REST = ">"  # matches one token or more
WHO = "$SYS.REQ.USER.INFO"
INBOX = "_INBOX.>"
CREDENTIALS_SOON = timedelta(days=7)
_CONTROL = subjects.kv_stream(subjects.BUCKET_CONTROL)
_WATERMARK = subjects.kv_stream(subjects.BUCKET_WATERMARK)
_STREAM_CALLS = ("INFO", "CREATE", "UPDATE")
_DIRECT = "$JS.API.DIRECT.GET"


class Part(StrEnum):
    """Whose rights are looked at: what runs with these credentials."""

    OPERATOR = "operator"
    COORDINATOR = "coordinator"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The subjects that a part publishes and subscribes to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a user may do as its server says: `{}` means everything."""

    told: Told

    def may(self, way: str, subject: str) -> bool:
        """Whether `way`, publish or subscribe, is allowed on all of `subject`."""
        rules: Told = self.told.get(way) or {}
        allow, deny = _patterns(rules.get("allow")), _patterns(rules.get("deny"))
        if way == "publish" and subject == INBOX and self.told.get("responses"):
            return True
        return (not allow or any(covers(one, subject) for one in allow)) and not any(
            overlap(one, subject) for one in deny
        )

    def refused(self, needs: Needs) -> list[str]:
        """What of `needs` is not allowed, in words."""
        return [
            f"{way} {subject}"
            for way, wanted in (("publish", needs.publish), ("subscribe", needs.subscribe))
            for subject in wanted
            if not self.may(way, subject)
        ]


def _patterns(rules: Any) -> list[str]:
    return [str(one).split()[0] for one in rules or ()]  # a queue group may stand behind


def covers(pattern: str, subject: str) -> bool:
    """Whether `pattern` matches all that `subject`, which may be a pattern itself, matches."""
    ours, theirs = pattern.split("."), subject.split(".")
    for place, token in enumerate(ours):
        if token == REST:
            return place < len(theirs)
        if place >= len(theirs) or theirs[place] == REST or token not in ("*", theirs[place]):
            return False
    return len(ours) == len(theirs)


def overlap(one: str, other: str) -> bool:
    """Whether there is a subject that both patterns match."""
    ours, theirs = one.split("."), other.split(".")
    for left, right in zip(ours, theirs, strict=False):
        if REST in (left, right):
            return True
        if left != right and "*" not in (left, right):
            return False
    return len(ours) == len(theirs)


def of_operator() -> Needs:
    """What the commands that ask the coordinator need."""
    return Needs(
        publish=("$JS.API.INFO", *map(subjects.control, Verb)),
        subscribe=(INBOX, subjects.EVENTS_OF_FINDINGS),
    )


def of_worker(site: str, worker: str, families: Sequence[Family]) -> Needs:
    """What a worker with targets of these families needs."""
    jobs = [subjects.jobs_consumer(site, family) for family in families]
    return Needs(
        publish=(
            "$JS.API.INFO",
            subjects.announce(site, worker),
            *(f"$JS.API.CONSUMER.MSG.NEXT.{one.stream}.{one.name}" for one in jobs),
            *(f"$JS.ACK.{one.stream}.{one.name}.>" for one in jobs),
            *(subjects.result(family, site, "*", worker) for family in families),
            f"{_DIRECT}.{_CONTROL}.{subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)}",
            f"{_DIRECT}.{_WATERMARK}.{subjects.kv(subjects.BUCKET_WATERMARK, worker)}",
            f"{_DIRECT}.{subjects.STREAM_PACKS}.{subjects.ROOT}.pack.>",
        ),
        subscribe=(INBOX, subjects.NUDGE),
    )


def of_coordinator() -> Needs:
    """What a coordinator needs."""
    results = subjects.aggregator()
    streams = subjects.STREAMS
    own = [subject for one in streams if one.name != results.stream for subject in one.subjects]
    read = (one.name for one in streams if one.allow_direct)
    return Needs(
        publish=(
            "$JS.API.INFO",
            *(f"$JS.API.STREAM.{do}.{one.name}" for one in streams for do in _STREAM_CALLS),
            f"$JS.API.CONSUMER.INFO.{results.stream}.{results.name}",
            f"$JS.API.CONSUMER.CREATE.{results.stream}.{results.name}",
            f"$JS.API.CONSUMER.INFO.{subjects.STREAM_JOBS}.*",
            f"$JS.API.CONSUMER.CREATE.{subjects.STREAM_JOBS}.>",
            f"$JS.API.CONSUMER.MSG.NEXT.{results.stream}.{results.name}",
            f"$JS.ACK.{results.stream}.{results.name}.>",
            *(f"{_DIRECT}.{name}.>" for name in read),
            *own,
            subjects.NUDGE,
            INBOX,
        ),
        subscribe=(INBOX, subjects.ANNOUNCEMENTS, "$SRV.>", *map(subjects.control, Verb)),
    )


def permissions(who: Told) -> Permissions | None:
    """What the server says that this user may do; None where it says nothing."""
    data = who.get("data")
    return Permissions(data.get("permissions") or {}) if isinstance(data, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def line(who: Told, why: str, part: Part, needs: Needs) -> Line:
    """Whether this user may do what `part` needs; `why` there is no answer, if there is none."""
    what, may = "permissions", permissions(who)
    if may is None:
        todo = f"allow this user to publish to {WHO} and to subscribe to {INBOX}"
        return cannot_tell(what, why, todo)
    user = f"user {who['data'].get('user') or 'without a name'} as {part}"
    amount = len(needs.publish) + len(needs.subscribe)
    refused = may.refused(needs)
    if not refused:
        return ok(what, f"{user} may use all of {readable.number(amount, 'subject')}")
    seen = f"{user} may not {readable.first_names(refused)} ({len(refused)} of {amount})"
    todo = "allow them in the permissions of this user in nats-server, see docs/operating.md"
    # Who only looks may be kept from the rest on purpose.
    return (warn if part is Part.OPERATOR else fail)(what, seen, todo)


def credentials(who: Told) -> Line | None:
    """When the user's credentials end; None if never."""
    data: Told = who.get("data") or {}
    rest = data.get("expires") or 0
    if not rest:
        return None
    left = timedelta(microseconds=rest / 1_000)
    seen = f"end in {readable.span(left)} (limit {CREDENTIALS_SOON.days} d)"
    if left < CREDENTIALS_SOON:
        return warn("NATS credentials", seen, "have new ones made: nsc generate creds")
    return ok("NATS credentials", seen)
