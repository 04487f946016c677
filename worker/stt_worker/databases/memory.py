"""The databases in memory, for tests: canned servers by host, and every way they can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from stt_shared.checkfile.model import Question
from stt_shared.protocol.enums import Kind
from stt_shared.protocol.messages import Facts, PartNotChecked
from stt_worker.databases.bounds import bounded
from stt_worker.databases.port import (
    Answer,
    Choose,
    Endpoint,
    Failure,
    Inspection,
    InspectionError,
    Limits,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """A server with prepared answers; an unknown question fails.

    `passwords` by user: empty accepts every user. `latency_s` passes before each answer; a
    question in `slow` is never answered.
    """

    facts: Facts
    answers: Mapping[Question, Answer] = field(default_factory=dict[Question, Answer])
    passwords: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    latency_s: float = 0.0
    slow: frozenset[Question] = frozenset()
    parts: Mapping[Question, tuple[PartNotChecked, ...]] = field(
        default_factory=dict[Question, tuple[PartNotChecked, ...]]
    )


@dataclass(frozen=True, slots=True)
class Hanging:
    """A server that accepts connections and never answers."""


Server = Canned | Hanging | InspectionError


class MemoryDatabase:
    """A driver without a network; `servers` by host, other hosts refuse the connection.

    `inspected` and `asked` record its calls, in order.
    """

    def __init__(self, servers: Mapping[str, Server] | None = None) -> None:
        self.servers: dict[str, Server] = dict(servers or {})
        self.inspected: list[Endpoint] = []
        self.asked: list[tuple[str, Question]] = []
        self.closed = False

    async def inspect(self, endpoint: Endpoint, choose: Choose, limits: Limits) -> Inspection:
        """See the port; a hanging server costs `connect_s`, a slow answer `statement_s`.

        Raises InspectionError.
        """
        self.inspected.append(endpoint)
        server = self.servers.get(endpoint.host)
        if server is None:
            where = f"{endpoint.host}:{endpoint.port}"
            raise InspectionError(Kind.UNREACHABLE, f"connection to {where} refused")
        if isinstance(server, Hanging):
            await asyncio.sleep(limits.connect_s)
            raise InspectionError(Kind.UNREACHABLE, f"no answer within {limits.connect_s:g} s")
        if isinstance(server, InspectionError):
            raise InspectionError(server.kind, server.reason)
        wanted = server.passwords.get(endpoint.user)
        if server.passwords and wanted != endpoint.password:
            raise InspectionError(Kind.AUTH, f"log-in of {endpoint.user!r} rejected")
        answers: dict[Question, Answer] = {}
        for question in dict.fromkeys(choose(server.facts)):
            self.asked.append((endpoint.host, question))
            await asyncio.sleep(server.latency_s)
            if question in server.slow:
                await asyncio.sleep(limits.statement_s)
                why = f"no answer within {limits.statement_s:g} s"
                answers[question] = Failure(kind=Kind.TIMEOUT, reason=why)
                continue
            why = f"no canned answer to {question.type}"
            answer = server.answers.get(question, Failure(kind=Kind.QUERY, reason=why))
            answers[question] = bounded(answer, limits) if isinstance(answer, list) else answer
        return Inspection(facts=server.facts, answers=answers, parts=server.parts)

    async def close(self) -> None:
        """Record that it was closed."""
        self.closed = True
