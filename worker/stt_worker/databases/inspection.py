"""What an inspection of one server brings back: facts, and each view of an answer as JSON."""

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
    """One question as a check wants its answer; equal views are encoded and sent once.

    `hidden` are columns, or dotted paths of documents, whose values never leave the reader.
    `arrays_as_text` gives arrays as the server wrote them, which scripts of PMM search in.
    """

    question: Question
    hidden: tuple[str, ...] = ()
    arrays_as_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedInspection:
    """The facts, an answer per view, and per question the databases that were not asked."""

    facts: Facts
    answers: Mapping[View, bytes | Failure]  # JSON: rows, or with `all_dbs` rows by database
    parts: Mapping[Question, tuple[PartNotChecked, ...]] = field(
        default_factory=dict[Question, tuple[PartNotChecked, ...]]
    )


ChooseViews = Callable[[Facts], Sequence[View]]


class Inspector(Protocol):
    """Inspects servers of one family; who runs the driver, and in which process, is its own."""

    async def inspect(
        self, endpoint: Endpoint, choose: ChooseViews, limits: Limits
    ) -> EncodedInspection:
        """Connect, learn the facts, answer the distinct views that `choose` names, disconnect.

        Raises LookError; a question that fails is a Failure in each of its views.
        """
        ...

    async def close(self) -> None:
        """Release processes, threads and contexts."""
        ...


class DirectInspector:
    """Runs a driver in this process."""

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
    """`answer` as JSON in the form that `view` wants, without what it hides; or why it has none."""
    if isinstance(answer, Failure):
        return answer
    try:
        value: Any = _as_text(answer) if view.arrays_as_text else answer
        return _encoder.encode(without_secrets(value, view.hidden))
    except (ValueError, TypeError, RecursionError) as error:  # a surrogate, or nested too deep
        return without_json(error)


def _as_text(value: Any) -> Any:
    """`value` with the text of each array in its place."""
    if isinstance(value, Array):
        return value.written
    if isinstance(value, list):
        return [_as_text(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _as_text(one) for key, one in cast("dict[str, object]", value).items()}
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
