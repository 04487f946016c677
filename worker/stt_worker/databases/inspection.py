"""Inspects one server: its facts, and the answer to each view as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import msgspec

from stt_shared.checkfile.model import Question
from stt_shared.protocol.messages import Facts, PartNotChecked
from stt_worker.databases.bounds import without_json
from stt_worker.databases.held import Answers
from stt_worker.databases.port import Answer, Database, Endpoint, Failure, Limits
from stt_worker.databases.values import Array

HIDDEN = "****"
_encoder = msgspec.json.Encoder()


class View(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """A question and the form of its answer; equal views are encoded and sent once.

    `hidden` are columns, or dotted paths of documents, whose values never leave the process that
    reads them. `arrays_as_text` keeps arrays as the server wrote them; PMM's scripts need that.
    """

    question: Question
    hidden: tuple[str, ...] = ()
    arrays_as_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedInspection:
    """The facts, the answer to each view, and the databases that each question was not asked in."""

    facts: Facts
    answers: Mapping[View, bytes | Failure]  # JSON: rows, or with `all_dbs` rows by database
    parts: Mapping[Question, tuple[PartNotChecked, ...]] = field(
        default_factory=dict[Question, tuple[PartNotChecked, ...]]
    )


ChooseViews = Callable[[Facts], Sequence[View]]


class Inspector(Protocol):
    """Inspects servers of one family; an adapter decides in which process the driver runs."""

    async def inspect(
        self, endpoint: Endpoint, choose: ChooseViews, limits: Limits
    ) -> EncodedInspection:
        """Connect, read the facts, answer the distinct views that `choose` returns, disconnect.

        Raises InspectionError; a question that fails is a Failure in each of its views.
        """
        ...

    async def close(self) -> None:
        """Release processes, threads and contexts."""
        ...


class DirectInspector:
    """Runs the driver in this process."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def inspect(
        self, endpoint: Endpoint, choose: ChooseViews, limits: Limits
    ) -> EncodedInspection:
        """See the port."""
        views: list[View] = []

        def questions(facts: Facts) -> list[Question]:
            views[:] = dict.fromkeys(choose(facts))
            return list(dict.fromkeys(view.question for view in views))

        inspection = await self.database.inspect(endpoint, questions, limits)
        answers: Answers[View, bytes] = Answers(limits.bytes)
        for view in views:
            answers[view] = encoded(inspection.answers[view.question], view)
        return EncodedInspection(facts=inspection.facts, answers=answers, parts=inspection.parts)

    async def close(self) -> None:
        """See the port."""
        await self.database.close()


def encoded(answer: Answer, view: View) -> bytes | Failure:
    """`answer` as JSON in the form of `view`, without its hidden values; or the failure."""
    if isinstance(answer, Failure):
        return answer
    try:
        value: Any = _as_text(answer) if view.arrays_as_text else answer
        return _encoder.encode(without_secrets(value, view.hidden))
    except (ValueError, TypeError, RecursionError) as error:  # a surrogate, or nested too deep
        return without_json(error)


def _as_text(value: Any) -> Any:
    """`value` with each array replaced by its text."""
    if isinstance(value, Array):
        return value.written
    if isinstance(value, list):
        return [_as_text(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _as_text(one) for key, one in cast("dict[str, object]", value).items()}
    return value


def without_secrets(answer: Any, secret: Iterable[str]) -> Any:
    """`answer` with HIDDEN in place of the values of the `secret` columns or dotted paths.

    None and an empty text stay: a missing value is not a secret.
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
    # Rows by database: the path starts one level below the database's name.
    return {
        key: _hidden(one, path) if isinstance(one, list) else one for key, one in fields.items()
    }
