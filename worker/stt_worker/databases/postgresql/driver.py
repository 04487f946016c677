"""The driver of PostgreSQL, with psycopg's asynchronous connections."""

from __future__ import annotations

import asyncio

from stt_shared.checkfile.model import QueryType, Question
from stt_shared.lifecycle import awaited_task
from stt_worker.databases.held import Answers
from stt_worker.databases.port import Answer, Choose, Endpoint, Inspection, Limits
from stt_worker.databases.postgresql import facts as postgresql_facts
from stt_worker.databases.postgresql.all_databases import ask_all_databases
from stt_worker.databases.postgresql.server import ServerConnection


class PostgresqlDatabase:
    """The driver of the family; keeps nothing between inspections."""

    async def inspect(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Inspection:
        """See the port; cancelling it cuts the connection."""
        server = ServerConnection(endpoint, limits)
        task = awaited_task(_inspect(server, choose, limits), "inspect")
        try:
            return await asyncio.shield(task)
        finally:
            if not task.done():
                # Cut, not cancelled: psycopg would first ask the server to stop, for ten seconds.
                server.cut(task)
                await asyncio.wait([task])

    async def close(self) -> None:
        """Nothing to release."""


async def _inspect(server: ServerConnection, choose: Choose, limits: Limits) -> Inspection:
    try:
        row = await server.open()
        facts = postgresql_facts.facts(row)
        # SHOW ALL comes last: it ends the session, and every later question needs a new one.
        questions = sorted(
            dict.fromkeys(choose(facts)), key=lambda one: one.type is QueryType.POSTGRESQL_SHOW
        )
        answers: Answers[Question, Answer] = Answers(limits.bytes)
        for question in questions:
            if not question.all_dbs:
                answers[question] = await server.answer(question)
        in_all = [question for question in questions if question.all_dbs]
        if not in_all:
            return Inspection(facts=facts, answers=answers)
        found, parts = await ask_all_databases(server, in_all, facts.provider, limits)
        for question, answer in found.items():
            answers[question] = answer
        return Inspection(facts=facts, answers=answers, parts=parts)
    finally:
        await server.close()
