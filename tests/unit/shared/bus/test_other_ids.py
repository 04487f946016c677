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
from stt_shared.bus.jetstream.options import NatsOptions
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
    answer = {"stream": "EVENTS", **fields}
    return SimpleNamespace(data=json.dumps(answer).encode(), headers=None)


EVENT = Outgoing(
    subject="events.a", data=b"{}", message_id="e1", expected_last=1, expected_of="fence.>"
)


def link_to(
    monkeypatch: pytest.MonkeyPatch, *, keeps_refused: bool, knows_batches: bool = False
) -> Any:
    """A connection to a server of any version; `keeps_refused` is of the stream's leader."""

    async def keeps(_link: object, stream: str) -> bool:
        assert stream == "EVENTS"
        return keeps_refused

    async def send(*_words: object, **_more: object) -> None:
        """Take one of a batch; no answer comes."""

    monkeypatch.setattr(publisher, "keeps_refused", keeps)
    monkeypatch.setattr(publisher, "IN_PROCESS_S", 0.0)
    client = SimpleNamespace(max_payload=1 << 20, new_inbox=lambda: "inbox.batch1")
    return SimpleNamespace(
        options=NatsOptions(),
        is_clustered=True,
        is_at_least=lambda *_: knows_batches,
        client=client,
        publish=send,
    )


async def test_message_that_an_epoch_stored_under_another_id_is_known_to_all_later_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server: Any = OldServer()
    link, event = link_to(monkeypatch, keeps_refused=True), EVENT
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


async def test_where_the_leader_forgets_ids_a_message_on_its_way_gets_no_other_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server: Any = OldServer()
    server.refused.add("e1")  # for longer than the client waits
    link = link_to(monkeypatch, keeps_refused=False)
    (receipt,) = await publish(link, server, [EVENT])
    assert (receipt.publication, server.stored) == (Publication.FAILED, [])


async def test_a_batch_counts_as_stored_only_if_the_leader_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server: Any = OldServer()  # it stores the last message, as if it stood alone
    server.fence = 2
    link = link_to(monkeypatch, keeps_refused=True, knows_batches=True)
    job = Outgoing(subject="stt.v1.job.a.b.c", data=b"{}", expected_of="fence.>")
    late = replace(job, message_id="late", expected_last=1)
    good = replace(job, message_id="good", expected_last=2)
    found = await publish(link, server, [late, good])
    assert [one.publication for one in found] == [Publication.CONFLICT, Publication.DUPLICATE]
    assert server.stored == ["good"]
