"""Several workers or databases are forgotten on the page and by its HTTP interface."""

from __future__ import annotations

import re

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from tests.support.coordinator.ledgers import worker_record
from tests.support.coordinator.store_rows import target
from tests.support.coordinator.visitors import HTML, JSON, Client, visiting

CSRF = re.compile(r'name="_csrf_token" value="([^"]+)"')


def fleet(ledger: Ledger) -> None:
    ledger.fleet.put_workers(map(worker_record, ("w1", "w2", "w3")))
    ledger.fleet.put_targets(target(name, gone=True, workers=()) for name in ("a", "b", "c"))


@pytest.fixture
async def store() -> Store:
    made = MemoryStore()
    await made.transact(fleet)
    return made


async def names(store: Store) -> tuple[list[str], list[str]]:
    """The workers and the targets that are known."""
    workers = await store.read(lambda ledger: ledger.fleet.workers())
    targets = await store.read(lambda ledger: ledger.fleet.all_targets())
    return [one.worker for one in workers], [one.target for one in targets]


async def send(client: Client, page: str, action: str, **data: str) -> int:
    """Send a form of a page as a browser without scripts does."""
    found = CSRF.search((await client.get(page, headers=HTML)).text)
    assert found is not None
    filled = {"_csrf_token": found[1], "by": "ann", "reason": "CHG-1", **data}
    return (await client.post(action, data=filled, headers=HTML)).status_code


@pytest.mark.parametrize(
    ("page", "action", "words"),
    [
        ("/settings", "/workers/forget", "Forget all that are down (3 workers)"),
        ("/targets", "/targets/forget", "Forget all that are gone (3 databases)"),
    ],
)
async def test_the_page_forgets_all_that_it_showed_and_none_that_came_since(
    store: Store, page: str, action: str, words: str
) -> None:
    async with visiting(store=store) as client:
        shown = (await client.get(page, headers=HTML)).text
        assert words in shown
        assert 'name="shown" value="3"' in shown
        assert await send(client, page, action, shown="2") == 303
        left = await names(store)
        assert sorted(map(len, left)) == [1, 3]
        one_is_left = (await client.get(page, headers=HTML)).text
        assert "Forget all" not in one_is_left, "one has a form of its own"


@pytest.mark.parametrize("shown", ["", "x", "-3", "²", "9" * 40])
async def test_a_form_without_a_number_forgets_nothing(store: Store, shown: str) -> None:
    async with visiting(store=store) as client:
        for page, action in (("/settings", "/workers/forget"), ("/targets", "/targets/forget")):
            assert await send(client, page, action, shown=shown) == 303
        assert await names(store) == (["w1", "w2", "w3"], ["a", "b", "c"])


async def test_the_interface_forgets_names_and_selections_and_dry_runs_nothing(
    store: Store,
) -> None:
    async with visiting(store=store) as client:

        async def post(path: str, **asked: object) -> tuple[int, dict[str, object]]:
            body = {"by": "ann", "reason": "CHG-1", **asked}
            answer = await client.post(f"/api/v1{path}", json=body, headers=JSON)
            return answer.status_code, answer.json()

        code, dry = await post("/workers/forget", which="all", dry_run=True)
        assert (code, dry["workers"], dry["changed"]) == (200, ["w1", "w2", "w3"], False)
        assert (await post("/workers/forget", workers=["w1", "w3"]))[1]["workers"] == ["w1", "w3"]
        assert (await post("/targets/forget", which="all", limit=2))[1]["targets"] == ["a", "b"]
        assert await names(store) == (["w2"], ["c"])
        code, problem = await post("/targets/forget", targets=["c"], which="all")
        assert (code, problem["code"]) == (400, "bad_request")
