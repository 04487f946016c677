"""Which questions a check asks a server of these facts, and which place of `docs` each fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stt_shared.checkfile.guard import holds
from stt_shared.checkfile.model import UNSUPPORTED, Check, Query, Question, Server
from stt_shared.protocol.messages import Facts
from stt_worker.databases.port import Answer, Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A check and the question behind each place of its `docs`; or why it does not apply."""

    check: Check
    questions: tuple[Question, ...] = ()
    not_applicable: str = ""


def server_of(facts: Facts) -> Server:
    """What guards look at."""
    return Server(flavour=facts.flavour, version=facts.version)


def unsupported(check: Check) -> str:
    """Names the query types of `check` that are not available here; empty if all are."""
    found = sorted({query.type for query in check.queries if query.type in UNSUPPORTED})
    return "unsupported query type " + ", ".join(found) if found else ""


def plan(check: Check, facts: Facts) -> Plan:
    """The questions of `check` for a server: per place the first query whose guard holds."""
    server = server_of(facts)
    questions: list[Question] = []
    for variants in _places(check.queries):
        chosen = next((q for q in variants if q.when is None or holds(q.when, server)), None)
        if chosen is None:
            return Plan(check=check, not_applicable=_why_not(variants, facts))
        questions.append(chosen.what)
    return Plan(check=check, questions=tuple(questions))


def _places(queries: Iterable[Query]) -> list[list[Query]]:
    places: dict[object, list[Query]] = {}
    for index, query in enumerate(queries):
        places.setdefault(query.name or index, []).append(query)
    return list(places.values())


def _why_not(variants: Iterable[Query], facts: Facts) -> str:
    wanted = ", or ".join(query.when.text for query in variants if query.when)
    version = ".".join(map(str, facts.version))
    return f"applies to {wanted}; the server is {facts.flavour} {version}"


def docs_of(planned: Plan, answers: Mapping[Question, Answer]) -> list[Any] | Failure:
    """What the script gets: version 1 the rows, version 2 an entry per place; or what failed."""
    docs: list[Any] = []
    for question in planned.questions:
        answer = answers[question]
        if isinstance(answer, Failure):
            return answer
        docs.append(answer)
    return docs[0] if planned.check.version == 1 else docs
