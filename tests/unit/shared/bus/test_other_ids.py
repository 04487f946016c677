"""A server before 2.12 keeps ids of refused messages: others are used, and nothing is doubled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from stt_shared.bus.jetstream import publisher
from stt_shared.bus.jetstream.answers import Question
from stt_shared.bus.jetstream.publisher import (
    HEADER_EXPECTED,
    HEADER_ID,
    IN_PROCESS,
    WRONG_LAST_SEQUENCE,
    publish,
)
from stt_shared.bus.values import Outgoing, Publication


class OldServer:
    """One stream: ids that were stored are duplicates, ids that were refused stay blocked."""

    def __init__(self) -> None:
        self.fence = 1
        self.stored: list[str] = []
        self.refused: set[str] = set()

    async def ask(self, questions: Sequence[Question], _limit_s: float) -> list[Any]:
        return [self.answer(one) for one in questions]

    def answer(self, question: Question) -> Any:
        headers = question.headers or {}
        name = headers[HEADER_ID]
        if name in self.refused:
            return reply(error={"err_code": IN_PROCESS, "description": "in process"})
        if name in self.stored:
            return reply(duplicate=True)
        if int(headers[HEADER_EXPECTED]) != self.fence:
            self.refused.add(name)
            return reply(error={"err_code": WRONG_LAST_SEQUENCE, "description": "wrong"})
        self.stored.append(name)
        return reply(seq=len(self.stored))


def reply(**fields: object) -> Any:
    return SimpleNamespace(data=json.dumps(fields).encode(), headers=None)


async def test_message_that_an_epoch_stored_under_another_id_is_known_to_all_later_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "IN_PROCESS_S", 0.0)
    server: Any = OldServer()
    link: Any = SimpleNamespace(
        is_clustered=True,
        is_at_least=lambda _version: False,
        client=SimpleNamespace(max_payload=1 << 20),
    )
    event = Outgoing(
        subject="events.a", data=b"{}", message_id="e1", expected_last=1, expected_of="fence.>"
    )
    found: list[Publication] = []
    for held, fence in ((1, 2), (2, 2), (3, 3), (4, 4)):  # who sends, and what the stream has
        server.fence = fence
        (receipt,) = await publish(link, server, [replace(event, expected_last=held)])
        found.append(receipt.publication)
    assert found == [
        Publication.CONFLICT,
        Publication.STORED,
        Publication.DUPLICATE,
        Publication.DUPLICATE,
    ]
    assert server.stored == ["e1~1"]
