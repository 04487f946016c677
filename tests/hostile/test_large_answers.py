"""A check that asks for much loses its own answers, and takes none from the others of a job."""

from __future__ import annotations

import asyncio

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.model import QueryType, Question
from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.children.pool import ChildInspector
from stt_worker.databases.held import Answers
from stt_worker.databases.inspection import EncodedInspection, View
from stt_worker.databases.port import Failure, Limits
from tests.support.checks.real import endpoint

LIMITS = Limits(connect_s=10, statement_s=10, client_s=20)
LARGE_BYTES = 7_000_000
GREEDY = 12
SERVERS = {
    "mariadb": (Family.MYSQL, QueryType.MYSQL_SELECT),
    "mysql": (Family.MYSQL, QueryType.MYSQL_SELECT),
    "postgresql": (Family.POSTGRESQL, QueryType.POSTGRESQL_SELECT),
}


def inspected(server: Running, family: Family, questions: list[Question]) -> EncodedInspection:
    """What a child of a worker brings back of these questions."""
    views = [View(question=one) for one in questions]

    async def inspect() -> EncodedInspection:
        inspector = ChildInspector(1, 1)
        try:
            return await inspector.inspect(endpoint(server, family), lambda _: views, LIMITS)
        finally:
            await inspector.close()

    return asyncio.run(inspect())


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("name", list(SERVERS))
def test_many_large_answers_leave_the_small_ones_of_a_real_server(
    name: str, everywhere: bool, request: pytest.FixtureRequest
) -> None:
    family, kind = SERVERS[name]
    everywhere &= family is Family.POSTGRESQL
    small = [Question(type=kind, text=f"{at} AS small", all_dbs=everywhere) for at in range(2)]
    large = [
        Question(type=kind, text=f"repeat('x', {LARGE_BYTES}) AS x, {at} AS n", all_dbs=everywhere)
        for at in range(GREEDY)
    ]
    server: Running = request.getfixturevalue(name)
    found = inspected(server, family, [small[0], *large, small[1]])
    answers = {view.question: answer for view, answer in found.answers.items()}
    assert all(isinstance(answers[one], bytes) for one in small), answers[small[0]]
    lost = [one for at in large if isinstance(one := answers[at], Failure)]
    assert len(lost) >= GREEDY - 1
    assert {one.kind for one in lost} == {Kind.TOO_LARGE}


def test_of_answers_that_do_not_fit_together_the_largest_are_given_up() -> None:
    answers: Answers[str, bytes] = Answers(100)
    for name, size in (("a", 60), ("b", 30), ("c", 20), ("d", 90), ("e", 45)):
        answers[name] = bytes(size)
    assert [name for name, one in answers.items() if isinstance(one, bytes)] == ["b", "c", "e"]
