"""Replicas are never lowered because fewer nodes are seen, and those that are behind are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stt_shared.bus.jetstream import NatsOptions, streams, upkeep
from stt_shared.bus.jetstream.link import Link
from stt_shared.protocol.specs import StreamSpec

SPEC = StreamSpec(name="S", subjects=("s.>",), max_bytes=1 << 20)


@pytest.mark.parametrize(("wanted", "asked"), [(0, None), (1, 1)])
async def test_one_visible_node_of_three_changes_nothing_unless_the_setting_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, wanted: int, asked: int | None
) -> None:
    written: list[int] = []

    async def call(
        _link: Link, subject: str, body: dict[str, Any] | None = None
    ) -> Mapping[str, Any]:
        if subject.startswith("STREAM.INFO"):
            return {"config": streams.stream_config(SPEC, 3)}
        assert body is not None
        written.append(body["num_replicas"])
        return {"config": body}

    async def replicas(link: Link) -> int:
        return link.options.replicas or 1

    monkeypatch.setattr(streams, "call", call)
    monkeypatch.setattr(streams, "_replicas", replicas)
    link = Link(NatsOptions(servers=("nats://127.0.0.1:1",), replicas=wanted))
    assert await streams.ensure(link, [SPEC], []) == ()
    assert written == ([] if asked is None else [asked])


async def test_the_servers_of_replicas_that_are_offline_or_behind_are_named_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: dict[str, Any] = {
        "STREAM.INFO.A": {
            "cluster": {
                "leader": "n0",
                "replicas": [
                    {"name": "n1", "current": True, "offline": True},
                    {"name": "n2", "current": True},
                ],
            }
        },
        "STREAM.INFO.B": {"cluster": {"replicas": [{"name": "n1", "current": False}]}},
        "STREAM.INFO.C": {},  # a single server
    }

    async def call(_link: Link, subject: str) -> Any:
        return answers[subject]

    monkeypatch.setattr(upkeep, "call", call)
    link = Link(NatsOptions(servers=("nats://127.0.0.1:1",)))
    assert await upkeep.behind(link, ["A", "B", "C"]) == {"n1"}
    assert await upkeep.behind(link, ["C"]) == frozenset()
