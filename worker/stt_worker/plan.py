"""Which questions a check asks a server of these facts, and which place of `docs` each fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stt_shared.checkfile.model import Check, Query, Server
from stt_shared.checkfile.variants import choose
from stt_shared.protocol.messages import Facts
from stt_worker.databases.inspection import View
from stt_worker.databases.port import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A check and the query chosen for each place of its `docs`; or why it does not apply."""

    check: Check
    queries: tuple[Query, ...] = ()
    not_applicable: str = ""

    @property
    def views(self) -> tuple[View, ...]:
        """What is asked, place by place."""
        as_text = not self.check.ours
        return tuple(
            View(question=query.what, hidden=query.secret, arrays_as_text=as_text)
            for query in self.queries
        )


def server_of(facts: Facts) -> Server:
    """What guards look at."""
    return Server(flavour=facts.flavour, version=facts.version)


def plan(check: Check, facts: Facts) -> Plan:
    """The questions of `check` for a server: per place the first query whose guard holds."""
    choice = choose(check, server_of(facts))
    return Plan(check=check, queries=choice.queries, not_applicable=choice.not_applicable)


def docs_of(planned: Plan, answers: Mapping[View, bytes | Failure]) -> list[Any] | Failure:
    """What the script gets: version 1 the rows, version 2 an entry per place; or what failed."""
    docs: list[Any] = []
    for view in planned.views:
        answer = answers[view]
        if isinstance(answer, Failure):
            return answer
        docs.append(msgspec.json.decode(answer))
    return docs[0] if planned.check.version == 1 else docs
