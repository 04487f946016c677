"""Plans a job: the questions for a server with these facts, and the `docs` of each script."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from stt_shared.checkfile.model import Check, Server
from stt_shared.checkfile.variants import choose
from stt_shared.protocol.messages import Facts
from stt_worker.databases import products
from stt_worker.databases.inspection import View
from stt_worker.databases.port import Failure
from stt_worker.sandbox.port import Task, task_of

PLANS_KEPT = 64  # per set of checks and server version; about 100 KiB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A check with the question for each place of its `docs`, or why it does not apply."""

    check: Check
    views: tuple[View, ...] = ()  # in the order of `docs`
    not_applicable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """All checks of a job for one type and version of server.

    `views` are distinct, in the order of asking. The places of a task are indexes of them; a
    check that does not apply has None in `tasks`.
    """

    plans: tuple[Plan, ...]
    tasks: tuple[Task | None, ...]
    views: tuple[View, ...]


class Planner:
    """Caches the last PLANS_KEPT plans by checks and version."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], JobPlan] = OrderedDict()

    def plan(self, checks: Sequence[Check], facts: Facts) -> JobPlan:
        """The plan of a job with `checks` on a server with `facts`."""
        # Ids are safe as keys: a cached plan references its checks, so their ids are not reused.
        key = (facts.flavour, facts.version, *map(id, checks))
        found = self._kept.pop(key, None) or job_plan([plan(check, facts) for check in checks])
        # Removed above and added here: the plan moves to the end, so that the oldest is dropped.
        self._kept[key] = found
        if len(self._kept) > PLANS_KEPT:
            self._kept.popitem(last=False)
        return found


def server_of(facts: Facts) -> Server:
    """The server as guards compare it."""
    return Server(flavour=facts.flavour, version=facts.version)


def plan(check: Check, facts: Facts) -> Plan:
    """The questions of `check` for a server: for each place the first query whose guard holds."""
    # A file of PMM runs, as in PMM, on whatever answers.
    if check.ours and facts.flavour in products.ONLY_PROTOCOL:
        return Plan(check=check, not_applicable=f"the server is {facts.flavour}, {products.WHY}")
    choice = choose(check, server_of(facts))
    views = tuple(
        View(question=query.what, hidden=query.secret, arrays_as_text=not check.ours)
        for query in choice.queries
    )
    return Plan(check=check, views=views, not_applicable=choice.not_applicable)


def job_plan(plans: Sequence[Plan]) -> JobPlan:
    """The job of `plans`, with each distinct view once."""
    numbers: dict[View, int] = {}
    tasks: list[Task | None] = []
    for one in plans:
        places = tuple(numbers.setdefault(view, len(numbers)) for view in one.views)
        tasks.append(None if one.not_applicable else task_of(one.check, places))
    return JobPlan(plans=tuple(plans), tasks=tuple(tasks), views=tuple(numbers))


def failure_of(planned: Plan, answers: Mapping[View, bytes | Failure]) -> Failure | None:
    """The failure of the first failed question of the check, or None."""
    found = (answers[view] for view in planned.views)
    return next((one for one in found if isinstance(one, Failure)), None)


def docs_of(planned: Plan, answers: Mapping[View, bytes | Failure]) -> list[Any] | Failure:
    """The `docs` of the script: in version 1 rows, in version 2 a list; or the failure."""
    docs: list[Any] = []
    for view in planned.views:
        answer = answers[view]
        if isinstance(answer, Failure):
            return answer
        docs.append(msgspec.json.decode(answer))
    return docs[0] if planned.check.version == 1 else docs
