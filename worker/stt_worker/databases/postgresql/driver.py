"""PostgreSQL through psycopg's asynchronous connection: one session per look."""

from __future__ import annotations

import asyncio

from stt_shared.checkfile.model import QueryType, Question
from stt_worker.databases.held import Answers
from stt_worker.databases.port import Answer, Choose, Endpoint, Inspection, Limits
from stt_worker.databases.postgresql import facts as postgresql_facts
from stt_worker.databases.postgresql.all_databases import everywhere
from stt_worker.databases.postgresql.server import Line


class PostgresqlDatabase:
    """The driver of the family; holds nothing between looks."""

    async def inspect(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Inspection:
        """As the port says; cancelling it cuts the connection."""
        line = Line(endpoint, limits)
        task = asyncio.create_task(_look(line, choose, limits))
        try:
            return await asyncio.shield(task)
        finally:
            if not task.done():
                # Left to itself the driver would first ask the server, for ten seconds, to stop.
                line.cut(task)
                await asyncio.wait([task])

    async def close(self) -> None:
        """Nothing to release."""


async def _look(line: Line, choose: Choose, limits: Limits) -> Inspection:
    try:
        row = await line.open()
        facts = postgresql_facts.facts(row)
        # Settings are read in a session of their own, after what the first one can answer.
        questions = sorted(dict.fromkeys(choose(facts)), key=_turn)
        answers: Answers[Question, Answer] = Answers(limits.bytes)
        for question in questions:
            if not question.all_dbs:
                answers[question] = await line.answer(question)
        tour = [question for question in questions if question.all_dbs]
        if not tour:
            return Inspection(facts=facts, answers=answers)
        found, parts = await everywhere(line, tour, facts.provider, limits)
        for question, answer in found.items():
            answers[question] = answer
        return Inspection(facts=facts, answers=answers, parts=parts)
    finally:
        await line.close()


def _turn(question: Question) -> bool:
    return question.type is QueryType.POSTGRESQL_SHOW
