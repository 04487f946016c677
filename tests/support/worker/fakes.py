"""Stand-ins for what the worker's parts stand on: checks, a sandbox, jobs and deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from stt_shared.bus.values import Delivery
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check, Query, QueryType, Question
from stt_shared.errors import UnreachableError
from stt_shared.identity import digest
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckRef, Facts, Job
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.memory import Canned, MemoryDatabase
from stt_worker.databases.port import Answer, Endpoint, Limits
from stt_worker.execution.admission import Admission
from stt_worker.execution.job import CheckDependencies
from stt_worker.sandbox.port import Broken, Returned, Skipped, Task, Verdict
from stt_worker.targets.model import Target

AT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
FACTS = Facts(flavour="postgresql", version=(18, 1), version_text="PostgreSQL 18.1")
QUICK = Limits(connect_s=0.2, statement_s=0.2, client_s=0.3)
PASSES = "def check_context(docs, context):\n    return []\n"
FAILS = (
    "def check_context(docs, context):\n"
    "    return [{'summary': 'bad', 'severity': 'critical', 'object': 'o', 'evidence': docs[0]}]\n"
)


def query(text: str = "1", **fields: Any) -> Query:
    return Query(type=QueryType.POSTGRESQL_SELECT, text=text, **fields)


def question(text: str = "1") -> Question:
    return query(text).what


def check(name: str, script: str = PASSES, queries: Sequence[Query] = (), **more: Any) -> Check:
    fields: dict[str, Any] = {"version": 2, "family": Family.POSTGRESQL} | more
    return Check(
        name=name,
        summary=name,
        description=name,
        script=script,
        queries=tuple(queries) or (query(),),
        digest=digest((name + script).encode()),
        **fields,
    )


class RecordingInbox:
    """An inbox that remembers how each delivery ended; acknowledging can be made to fail."""

    def __init__(self) -> None:
        self.acked: list[Delivery] = []
        self.ended: list[Delivery] = []
        self.retried: list[float] = []
        self.down = False

    async def take(self, limit: int, *, wait: float, linger: float = 0.0) -> list[Delivery]:
        raise AssertionError((limit, wait, linger))

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        if self.down:
            raise UnreachableError("down")
        self.acked += deliveries

    async def retry(self, delivery: Delivery, *, delay: float) -> None:
        del delivery
        self.retried.append(delay)

    async def end(self, delivery: Delivery) -> None:
        self.ended.append(delivery)


def delivery(wanted: Job, *, delivered: int = 1, **fields: Any) -> Delivery:
    defaults: dict[str, Any] = {
        "subject": subjects.job(wanted.family, wanted.site, wanted.target),
        "data": codec.encode(wanted),
        "headers": {},
        "sequence": 7,
        "delivered": delivered,
        "lease": f"lease-{delivered}",
    }
    return Delivery(**defaults | fields)


def target(name: str = "t1", host: str = "db") -> Target:
    return Target(id=name, endpoint=endpoint(host))


class _Skip(Exception):  # noqa: N818  # what skip() raises
    pass


@dataclass
class PythonSandbox:
    """A sandbox that runs scripts as plain Python: for trusted scripts of tests."""

    runs: list[tuple[list[list[Any]], Mapping[str, Any]]] = field(default_factory=list)

    async def run(
        self, tasks: Sequence[Task], answers: Sequence[bytes], context: Mapping[str, Any]
    ) -> list[Verdict]:
        docs_of_tasks = [_docs(task, answers) for task in tasks]
        self.runs.append((docs_of_tasks, context))
        pairs = zip(tasks, docs_of_tasks, strict=True)
        return [_verdict(task.source, docs, context) for task, docs in pairs]

    async def define(self, tasks: Sequence[Task]) -> list[str]:
        return ["" for _ in tasks]

    async def close(self) -> None:
        self.runs.clear()


def _docs(task: Task, answers: Sequence[bytes]) -> list[Any]:
    docs: list[Any] = [msgspec.json.decode(answers[place]) for place in task.places]
    return docs[0] if task.whole else docs


def _verdict(source: str, docs: list[Any], context: Mapping[str, Any]) -> Verdict:
    def skip(reason: str) -> None:
        raise _Skip(reason)

    names: dict[str, Any] = {"skip": skip}
    try:
        exec(source, names)  # noqa: S102  # the tests' own scripts
        return Returned(value=names["check_context"](docs, dict(context)))
    except _Skip as reason:
        return Skipped(reason=str(reason))
    except Exception as error:  # noqa: BLE001  # as the sandbox's port says
        return Broken(reason=repr(error))


def server(
    answers: Mapping[Any, Answer] | None = None, *, facts: Facts = FACTS, **more: Any
) -> Canned:
    by_text: Mapping[Any, Answer] = {"1": [{"n": 1}]} if answers is None else answers
    found = {question(one) if isinstance(one, str) else one: by_text[one] for one in by_text}
    return Canned(facts=facts, answers=found, **more)


def dependencies(
    checks: Sequence[Check], servers: Mapping[str, Any] | None = None, **fields: Any
) -> CheckDependencies:
    database = MemoryDatabase({"db": server()} if servers is None else servers)
    named = {one.name: one for one in checks}
    catalogue = Catalogue(checks=named, releases={"as_of": "2026-11-01"})
    defaults: dict[str, Any] = {
        "inspector": DirectInspector(database),
        "catalogue": catalogue,
        "sandbox": PythonSandbox(),
        "limits": QUICK,
    }
    return CheckDependencies(**defaults | fields)


def database_of(having: CheckDependencies) -> MemoryDatabase:
    inspector = having.inspector
    assert isinstance(inspector, DirectInspector)
    assert isinstance(inspector.database, MemoryDatabase)
    return inspector.database


def endpoint(host: str = "db") -> Endpoint:
    return Endpoint(family=Family.POSTGRESQL, host=host, port=5432)


def job(checks: Sequence[Check], target: str = "t1", **fields: Any) -> Job:
    refs = tuple(CheckRef(check=one.name, digest=one.digest) for one in checks)
    defaults: dict[str, Any] = {
        "job_id": f"run-1.{target}",
        "run_id": "run-1",
        "dispatch": 1,
        "target": target,
        "family": Family.POSTGRESQL,
        "site": "default",
        "checks": refs,
        "created": AT,
        "expires": AT + timedelta(days=365),
    }
    return Job(**defaults | fields)


def admit_at_once(target: str, *, alone: bool = False) -> AbstractAsyncContextManager[Admission]:
    """An admission without a wait."""
    del target, alone
    return nullcontext(Admission())


async def until(holds: Callable[[], object], deadline_s: float = 60.0) -> None:
    """Poll until `holds` does; fails at the deadline."""
    async with asyncio.timeout(deadline_s):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)
