"""Which questions a check asks a server of these facts, and which place of `docs` each fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from stt_shared.checkfile.model import Check, Query, Question, Server
from stt_shared.checkfile.variants import choose
from stt_shared.protocol.messages import Facts
from stt_worker.databases.port import Answer, Failure
from stt_worker.databases.values import Array
from stt_worker.evidence import HIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A check and the query chosen for each place of its `docs`; or why it does not apply."""

    check: Check
    queries: tuple[Query, ...] = ()
    not_applicable: str = ""

    @property
    def questions(self) -> tuple[Question, ...]:
        """What is asked, place by place."""
        return tuple(query.what for query in self.queries)


def server_of(facts: Facts) -> Server:
    """What guards look at."""
    return Server(flavour=facts.flavour, version=facts.version)


def plan(check: Check, facts: Facts) -> Plan:
    """The questions of `check` for a server: per place the first query whose guard holds."""
    choice = choose(check, server_of(facts))
    return Plan(check=check, queries=choice.queries, not_applicable=choice.not_applicable)


def docs_of(planned: Plan, answers: Mapping[Question, Answer]) -> list[Any] | Failure:
    """What the script gets: version 1 the rows, version 2 an entry per place; or what failed."""
    docs: list[Any] = []
    for query in planned.queries:
        answer = answers[query.what]
        if isinstance(answer, Failure):
            return answer
        rows = answer if planned.check.ours else _written(answer)
        docs.append(without_secrets(rows, query.secret))
    return docs[0] if planned.check.version == 1 else docs


def _written(value: Any) -> Any:
    """`value` with the text of each array in its place."""
    if isinstance(value, Array):
        return value.written
    if isinstance(value, list):
        return [_written(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _written(one) for key, one in cast("dict[str, object]", value).items()}
    return value


def without_secrets(answer: Any, secret: Iterable[str]) -> Any:
    """`answer` with HIDDEN for what stands under the `secret` columns or dotted paths.

    None and an empty text stay: that there is none is no secret.
    """
    for path in secret:
        answer = _hidden(answer, path.split("."))
    return answer


def _hidden(value: Any, path: list[str]) -> Any:
    if isinstance(value, list):
        return [_hidden(one, path) for one in cast("list[object]", value)]
    if not path:
        return value if value in (None, "") else HIDDEN
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, object]", value)
    if path[0] in fields:
        return fields | {path[0]: _hidden(fields[path[0]], path[1:])}
    # The rows of each database: the path begins one level below its name.
    return {
        key: _hidden(one, path) if isinstance(one, list) else one for key, one in fields.items()
    }
