"""Findings are filtered by several names, beginnings and labels, alike on page and interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger
from tests.support.coordinator.store_rows import finding, target
from tests.support.coordinator.visitors import JSON, Client, visiting

LABELS = {
    "orders-1": {"team": "finance", "env": "prod"},
    "orders-2": {"team": "finance", "env": "dev"},
    "carts-1": {"team": "a, b", "env": "dev"},
    "blogs-1": {},
}
OK, BAD_REQUEST, NOT_FOUND = 200, 400, 404
CHECK = "mysql_left_over"  # of no library: what a check left behind


def write(ledger: Ledger) -> None:
    ledger.fleet.put_targets(
        target(name, site="eu-west" if name == "carts-1" else "us-east", labels=labels)
        for name, labels in LABELS.items()
    )
    ledger.findings.put(
        finding(f"f_{n}", target=name, summary=f"found on {name}", check=CHECK)
        for n, name in enumerate(LABELS)
    )


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    store = MemoryStore()
    await store.transact(write)
    async with visiting(store=store) as one:
        yield one


ORDERS = {"orders-1", "orders-2"}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("target", "orders-1"), ("target", "blogs-1")], {"orders-1", "blogs-1"}),
        ([("target", "orders-*")], ORDERS),
        ([("target", "orders-1"), ("target", "orders-*")], ORDERS),
        ([("target", "*")], set(LABELS)),
        ([("label", "team=finance")], ORDERS),
        ([("label", "env=dev"), ("label", "env=prod")], ORDERS | {"carts-1"}),
        ([("label", "env=dev"), ("label", "team=finance")], {"orders-2"}),
        ([("label", "team=a, b")], {"carts-1"}),
        ([("label", "team=f*")], ORDERS),
        ([("label", "env=dev"), ("target", "orders-1")], set[str]()),
        ([("check", CHECK), ("target", "carts-*")], {"carts-1"}),
    ],
)
async def test_page_and_interface_find_the_same(
    client: Client, filters: list[tuple[str, str]], expected: set[str]
) -> None:
    answer = await client.get("/api/v1/findings", params=[*filters, ("state", "all")])
    reply: Any = answer.json()
    assert {one["target"] for one in reply["findings"]} == expected
    assert reply["total"] == len(expected)
    shown = await client.get("/findings", params=[*filters, ("state", "all")])
    assert shown.status_code == OK
    assert {name for name in LABELS if f"found on {name}" in shown.text} == expected


@pytest.mark.parametrize(
    ("address", "status", "sentence"),
    [
        ("target=orders-1&target=nope", NOT_FOUND, "unknown target 'nope'"),
        ("target=none-*", NOT_FOUND, "no target begins with 'none-'"),
        ("site=none-*", NOT_FOUND, "no site begins with 'none-'"),
        ("check=none_*", NOT_FOUND, "no check begins with 'none_'"),
        ("label=team=legal", NOT_FOUND, "no target has the label 'team=legal'"),
        ("label=team", BAD_REQUEST, "label is 'team', expected key=value"),
        ("label==finance", BAD_REQUEST, "label is '=finance', expected key=value"),
    ],
)
async def test_what_nothing_has_is_refused_and_never_an_empty_list(
    client: Client, address: str, status: int, sentence: str
) -> None:
    for path in ("/api/v1/findings", "/api/v1/finding-groups"):
        reply = await client.get(f"{path}?{address}", headers=JSON)
        problem: Any = reply.json()
        assert (reply.status_code, problem["detail"]) == (status, sentence), path
    page = await client.get(f"/findings?{address}")
    assert page.status_code == BAD_REQUEST
    assert 'role="alert"' in page.text


async def test_the_fields_of_the_page_take_several_names_by_commas(client: Client) -> None:
    asked = {"target": "orders-1, blogs-1", "label": "", "state": "all"}
    shown = await client.get("/findings", params=asked)
    assert {name for name in LABELS if f"found on {name}" in shown.text} == {"orders-1", "blogs-1"}
    assert 'value="orders-1, blogs-1"' in shown.text
    labelled = await client.get("/findings", params={"label": "team=a, b,env=dev", "state": "all"})
    assert {name for name in LABELS if f"found on {name}" in labelled.text} == {"carts-1"}


async def test_labels_are_shown_with_the_way_to_their_findings(client: Client) -> None:
    databases = await client.get("/targets")
    assert 'href="/findings?label=team%3Dfinance">team=finance</a>' in databases.text
    one = await client.get("/findings/f_0")
    assert 'href="/findings?label=env%3Dprod">env=prod</a>' in one.text
