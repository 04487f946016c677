"""The page docs/events.md, written from the closed set of events and one recorded of each.

Write it anew: python -m tools.pages.events. Record anew: tools/record_events.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stt_shared.protocol import accounts, subjects
from stt_shared.protocol.accounts import Kind
from stt_shared.protocol.codec import schema_of
from stt_shared.protocol.enums import (
    Change,
    ClockState,
    RunPhase,
    SuppressionPhase,
    TargetPhase,
    WorkerState,
)
from stt_shared.protocol.messages import Result, Value
from stt_shared.protocol.records import (
    ClockEvent,
    FindingEvent,
    RunEvent,
    Summary,
    TargetEvent,
    WorkerEvent,
)
from stt_shared.protocol.suppressions import SuppressionEvent

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "events.md"
RECORDED = DOCS / "events" / "recorded.json"
SUBSCRIBER = Path(__file__).parents[2] / "examples" / "subscriber.py"
EVENT = f"{subjects.ROOT}.event."
SUBJECTS = (f"{EVENT}>", f"{subjects.ROOT}.summary.>")

CONSUMER = "events"  # the default of coordinator.subscribers
IMPORTS = accounts.of_subscribers((CONSUMER,))
MAY_SUBSCRIBE = (*(one.subject for one in IMPORTS if one.kind is Kind.STREAM), "_INBOX.>")
MAY_PUBLISH = tuple(one.subject for one in IMPORTS if one.kind is not Kind.STREAM)

OF_FINDING = {
    Change.OPENED: "A check found it and it was not known.",
    Change.CHANGED: "It is of another severity than before, by its check or by an exception.",
    Change.RESOLVED: "The check ran again and it is gone.",
    Change.REOPENED: "It was resolved and is there again.",
    Change.ACCEPTED: "An exception holds for it from now on, or another one than before.",
    Change.UNACCEPTED: "No exception holds for it any more: it counts again.",
}
OF_EXCEPTION = {
    SuppressionPhase.CREATED: "Somebody accepted something, or set a severity.",
    SuppressionPhase.CHANGED: "A file that was imported has another last day, reason or severity.",
    SuppressionPhase.ENDING: "It ends within 7 days. Once.",
    SuppressionPhase.ENDED: "Its last day is over; what it accepted is `unaccepted`.",
    SuppressionPhase.REVOKED: "Somebody took it back, or another one took its place.",
}
OF_RUN = {
    RunPhase.STARTED: "A run was planned and its jobs are on their way.",
    RunPhase.FINISHED: "Every job has its result, or was given up (`unanswered`).",
    RunPhase.SKIPPED: "A planned time went by while nobody could run it; `reason` says why.",
}
OF_WORKER = {
    WorkerState.UP: "A worker announced itself.",
    WorkerState.DOWN: "A worker announced its end, or no heartbeat arrived for 45 s.",
}
OF_TARGET = {
    TargetPhase.CLAIMED: "A worker announces it that may not have it: it gets no jobs.",
    TargetPhase.MOVED: "It belongs to another site, or is of another type, from now on.",
    TargetPhase.GONE: "A worker withdrew it, and no live worker of its site announces it.",
    TargetPhase.BACK: "It was gone and is announced again.",
    TargetPhase.FORGOTTEN: "An operator forgot it: it is not counted, its findings are resolved.",
}
OF_CLOCK = {
    ClockState.HELD: "Clocks disagree: scheduled runs, retention and ends of exceptions wait.",
    ClockState.RELEASED: "The clocks agree again: what waited goes on.",
}
RESULT = {"result": "What a worker says of one job, once the stream holds it."}
SUMMARIES = {
    "summary.all": "The counts of everything, each time they changed.",
    "summary.site": "The same of one site.",
}
KINDS: dict[str, tuple[str, type[Value]]] = {
    **{f"finding.{one}": (text, FindingEvent) for one, text in OF_FINDING.items()},
    **{f"exception.{one}": (text, SuppressionEvent) for one, text in OF_EXCEPTION.items()},
    **{f"run.{one}": (text, RunEvent) for one, text in OF_RUN.items()},
    **{f"worker.{one}": (text, WorkerEvent) for one, text in OF_WORKER.items()},
    **{f"target.{one}": (text, TargetEvent) for one, text in OF_TARGET.items()},
    **{f"clock.{one}": (text, ClockEvent) for one, text in OF_CLOCK.items()},
    **{name: (text, Result) for name, text in RESULT.items()},
    **{name: (text, Summary) for name, text in SUMMARIES.items()},
}


def kind_of(subject: str) -> str:
    """The kind of event that a subject carries, as in KINDS."""
    tokens = subject.removeprefix(EVENT).removeprefix(f"{subjects.ROOT}.").split(".")
    return tokens[0] if tokens[0] == "result" else ".".join(tokens[:2])


def recorded() -> dict[str, dict[str, Any]]:
    """Of each kind the subject and the message that were heard."""
    found: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


HEAD = """# Events

Whoever may subscribe on NATS hears what happens, as it happens. Every kind of event is here, with
its subject, its schema and one that was recorded on real servers; a test compares. No event carries
a credential, a query or a script.

```console
$ nats sub 'stt.v1.event.finding.opened.critical.>'          # critical ones as they open
$ nats sub 'stt.v1.event.finding.*.*.postgresql.eu-west.>'   # all of one family and site
$ nats sub 'stt.v1.event.finding.*.*.*.*.orders-pg'          # and of one target
$ nats sub stt.v1.summary.all                                # the numbers
```

The subject of a finding's event has everything one filters by:
`stt.v1.event.finding.<change>.<severity>.<family>.<site>.<target>`; the severity is the one it
counts as. All subjects, streams and fields: [protocol.md](protocol.md).

## Nothing missed

`nats sub` hears what comes while it listens. The stream `{stream}` keeps the events of findings,
exceptions, runs, workers and clocks for {days} days; a durable consumer goes on where it was,
however long it was away. The coordinator keeps one named `{consumer}`, and others that
`coordinator.subscribers` names:

```console
$ nats consumer next {stream} {consumer} --count 10
```

Readers make no consumers of their own: whoever may create one chooses the subject that it delivers
to, and the server delivers there with its own rights, even a request to switch checks off.

A consumer of the same name is shared: of several processes each event reaches one. An event comes
at least once, and its header `Nats-Msg-Id` is the same when it comes again. Results are kept in
`{results}` ({subject_of_results}), summaries in `{summaries}`, 400 a subject.

An operator with the coordinator's key reads from an instant on:
`nats sub --stream {stream} --since 24h 'stt.v1.event.finding.>'`.

Brokers that lost their disks lost these events with them. The coordinator publishes those of
findings and runs again, with the ids they had, 256 a second at most, from its store, which keeps
them for 30 days (`history.full_days`):

```console
$ stt events replay --since 24h --reason "nats-2 lost its disk"
```

## What a reader may do

`stt nats config --people` prints the account of readers, see [NATS](nats.md). In one account for
all, which is one trust domain, these permissions are enough; a test holds a user to them. The first
line is for listening, the second for the durable consumer:

```text
{permissions}
```

## A subscriber in Python

[subscriber.py](../examples/subscriber.py), with `pip install nats-py`; a test runs it:

```python
{subscriber}```

```console
$ python examples/subscriber.py nats://127.0.0.1:4222 | jq -r '.target + " " + .summary'
```

## Every event

| event | means | schema |
|---|---|---|
"""
MORE = """
`stt schema NAME` prints the JSON Schema; fields are only ever added within a major version. In the
events of findings `before` is the finding as it was, null where there was none; of one that is too
large for a message the evidence and `before` are left out.
"""


def permissions() -> str:
    """What a reader may do, as it is written in the configuration of nats-server."""
    subscribe, publish = (json.dumps(list(one)) for one in (MAY_SUBSCRIBE, MAY_PUBLISH))
    return f"subscribe: {subscribe}\npublish: {publish}"


def page() -> str:
    """The whole page as Markdown."""
    events = next(one for one in subjects.STREAMS if one.name == subjects.STREAM_EVENTS)
    head = HEAD.format(
        stream=subjects.STREAM_EVENTS,
        days=events.max_age.days,
        results=subjects.STREAM_RESULTS,
        subject_of_results=f"`{subjects.ROOT}.result.>`",
        summaries=subjects.STREAM_SUMMARY,
        consumer=CONSUMER,
        permissions=permissions(),
        subscriber=SUBSCRIBER.read_text(encoding="utf-8"),
    )
    rows = [
        f"| [{kind}](#{kind.replace('.', '')}) | {text} | `{schema_of(of)}` |\n"
        for kind, (text, of) in KINDS.items()
    ]
    heard = recorded()
    return head + "".join(rows) + MORE + "".join(_example(kind, heard[kind]) for kind in KINDS)


def _example(kind: str, heard: dict[str, Any]) -> str:
    text, of = KINDS[kind]
    name = schema_of(of).removeprefix("stt.").partition("/")[0]
    message = json.dumps(heard["message"], indent=2, ensure_ascii=False)
    return (
        f"\n### {kind}\n\n{text} `stt schema {name}`\n\n"
        f"Subject: `{heard['subject']}`\n\n```json\n{message}\n```\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
