"""Whether the connected user of NATS has the permissions that its part needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from stt_cli.doctor.diagnostic_line import DiagnosticLine, fail, ok, unknown, warn
from stt_cli.doctor.server import ServerAnswer
from stt_shared.protocol import subjects
from stt_shared.protocol.control import Verb
from stt_shared.protocol.enums import Family
from stt_shared.report import readable

REST = ">"  # matches one token or more
USER_INFO = "$SYS.REQ.USER.INFO"
INBOX = "_INBOX.>"
ACCESS = "NATS access"  # the line of what answers
CREDENTIALS_SOON = timedelta(days=7)
_CONTROL = subjects.kv_stream(subjects.BUCKET_CONTROL)
_WATERMARK = subjects.kv_stream(subjects.BUCKET_WATERMARK)
_STREAM_CALLS = ("INFO", "CREATE", "UPDATE")
_DIRECT = "$JS.API.DIRECT.GET"


class Part(StrEnum):
    """Whose rights are examined: the program that uses these credentials."""

    OPERATOR = "operator"
    VIEWER = "viewer"
    SUBSCRIBER = "subscriber"
    COORDINATOR = "coordinator"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The subjects that a part publishes and subscribes to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Permissions:
    """The permissions of a user as its server reports them: `{}` allows everything."""

    rules: ServerAnswer

    def may(self, way: str, subject: str) -> bool:
        """Whether `way`, publish or subscribe, is allowed on all of `subject`."""
        rules: ServerAnswer = self.rules.get(way) or {}
        allow, deny = _patterns(rules.get("allow")), _patterns(rules.get("deny"))
        if way == "publish" and subject == INBOX and self.rules.get("responses"):
            return True
        return (not allow or any(covers(one, subject) for one in allow)) and not any(
            overlap(one, subject) for one in deny
        )

    def refused(self, needs: Needs) -> list[str]:
        """The parts of `needs` that are not allowed, e.g. `publish stt.v1.x`."""
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


def of_operator(verbs: Iterable[Verb] = Verb) -> Needs:
    """The subjects that the commands of an operator use; a viewer has fewer `verbs`."""
    return Needs(
        publish=("$JS.API.INFO", *map(subjects.control, verbs)),
        subscribe=(INBOX, subjects.EVENTS_OF_FINDINGS),
    )


def of_subscriber() -> Needs:
    """The subjects that a subscriber of events uses."""
    return Needs(publish=("$JS.API.INFO",), subscribe=(INBOX, f"{subjects.ROOT}.event.>"))


def of_worker(site: str, worker: str, families: Sequence[Family]) -> Needs:
    """The subjects that a worker with targets of these families uses."""
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
    """The subjects that a coordinator uses."""
    results = replace(subjects.results_consumer(1), name="*")  # its epoch is another each time
    streams = subjects.STREAMS
    own = [subject for one in streams if one.name != results.stream for subject in one.subjects]
    read = (one.name for one in streams if one.allow_direct)
    return Needs(
        publish=(
            "$JS.API.INFO",
            *(f"$JS.API.STREAM.{do}.{one.name}" for one in streams for do in _STREAM_CALLS),
            # A store is compared with the last acknowledged result before its coordinator acts.
            f"$JS.API.STREAM.MSG.GET.{results.stream}",
            f"$JS.API.STREAM.PURGE.{results.stream}",
            *(f"$JS.API.STREAM.MSG.{do}.{subjects.STREAM_JOBS}" for do in ("GET", "DELETE")),
            f"$JS.API.CONSUMER.LIST.{results.stream}",
            f"$JS.API.CONSUMER.INFO.{results.stream}.{results.name}",
            f"$JS.API.CONSUMER.DELETE.{results.stream}.{results.name}",
            f"$JS.API.CONSUMER.CREATE.{results.stream}.{results.name}",
            f"$JS.API.CONSUMER.INFO.{subjects.STREAM_JOBS}.*",
            f"$JS.API.CONSUMER.CREATE.{subjects.STREAM_JOBS}.>",
            f"$JS.API.CONSUMER.INFO.{subjects.STREAM_EVENTS}.*",
            f"$JS.API.CONSUMER.CREATE.{subjects.STREAM_EVENTS}.>",
            f"$JS.API.CONSUMER.MSG.NEXT.{results.stream}.{results.name}",
            f"$JS.ACK.{results.stream}.{results.name}.>",
            *(f"{_DIRECT}.{name}.>" for name in read),
            *own,
            subjects.NUDGE,
            subjects.STANDBYS,
            INBOX,
        ),
        subscribe=(
            INBOX,
            subjects.ANNOUNCEMENTS,
            subjects.STANDBYS,
            "$SRV.>",
            *map(subjects.control, Verb),
        ),
    )


def permissions(who: ServerAnswer) -> Permissions | None:
    """The permissions that the server reports of this user; None without a report."""
    data = who.get("data")
    return Permissions(data.get("permissions") or {}) if isinstance(data, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def line(who: ServerAnswer, why: str, part: Part, needs: Needs) -> DiagnosticLine:
    """Whether this user may use the subjects of `part`; `why` there is no answer, if so."""
    what, may = "permissions", permissions(who)
    if may is None:
        todo = f"allow this user to publish to {USER_INFO} and to subscribe to {INBOX}"
        return unknown(what, why, todo)
    user = f"user {who['data'].get('user') or 'without a name'} as {part}"
    if not may.rules:
        return ok(what, f"{user}: no limits but those of its account, see {ACCESS}")
    amount = len(needs.publish) + len(needs.subscribe)
    refused = may.refused(needs)
    if not refused:
        return ok(what, f"{user} may use all of {readable.number(amount, 'subject')}")
    seen = f"{user} may not {readable.first_names(refused)} ({len(refused)} of {amount})"
    todo = "allow them in the permissions of this user in nats-server, see docs/operating.md"
    # An operator who only reads may lack the other subjects on purpose: no failure.
    return (warn if part in (Part.OPERATOR, Part.VIEWER) else fail)(what, seen, todo)


def credentials(who: ServerAnswer) -> DiagnosticLine | None:
    """When the user's credentials expire; None if never."""
    data: ServerAnswer = who.get("data") or {}
    rest = data.get("expires") or 0
    if not rest:
        return None
    left = timedelta(microseconds=rest / 1_000)
    seen = f"expire in {readable.span(left)} (limit {CREDENTIALS_SOON.days} d)"
    if left < CREDENTIALS_SOON:
        return warn("NATS credentials", seen, "create new ones: nsc generate creds")
    return ok("NATS credentials", seen)
