"""Two coordinators on one store: who logged in at one of them is logged in at both."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from stt_coordinator.control.log_ins import MAX_OF_ORIGIN, LogIns
from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Ledger, StoreError
from stt_shared import clock
from stt_shared.protocol.enums import Role
from tests.support.coordinator.pair import Link, LinkedStore
from tests.support.coordinator.visitors import HTML, Client, login_with, tokens_in, visiting

T = TypeVar("T")
Two = tuple[Client, Client]


@pytest.fixture
def token(file: Path) -> str:
    return tokens_in(file, ann=Role.ADMIN)["ann"]


@pytest.fixture
async def two(file: Path, token: str) -> AsyncGenerator[Two]:
    """A browser at each of two coordinators, with the same cookies as behind one address."""
    assert token
    kept = Kept()
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(visiting(login_with(file), store=MemoryStore(kept)))
            for _ in range(2)
        ]
        second.cookies.jar = first.cookies.jar
        yield first, second


def field_in(page: str) -> str:
    found = re.search(r'name="_csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def log_in(shows: Client, takes: Client, token: str) -> int:
    """Get the form from one coordinator and send it to the other."""
    form = await shows.get("/login", headers=HTML)
    sent = {"_csrf_token": field_in(form.text), "token": token, "to": "/"}
    answer = await takes.post("/login", data=sent, headers=HTML, follow_redirects=False)
    return answer.status_code


async def test_a_form_of_one_is_taken_by_the_other_and_so_is_the_session(
    two: Two, token: str
) -> None:
    first, second = two
    assert await log_in(first, second, token) == 303
    for one in two:
        assert "ann (admin)" in (await one.get("/settings", headers=HTML)).text


async def test_whoever_logs_out_at_one_is_logged_out_at_both(two: Two, token: str) -> None:
    first, second = two
    assert await log_in(first, first, token) == 303
    page = await second.get("/", headers=HTML)
    cookie = first.cookies["stt-session"]
    sent = {"_csrf_token": field_in(page.text)}
    done = await second.post("/logout", data=sent, headers=HTML, follow_redirects=False)
    assert done.status_code == 303
    for one in two:
        one.cookies.set("stt-session", cookie)
        assert (await one.get("/", headers=HTML)).status_code == 401


async def test_a_log_out_with_an_invented_session_writes_nothing() -> None:
    store = LinkedStore(Kept(), link := Link())
    log_ins = LogIns(store)
    session = (await log_ins.enter("here", "ann", clock.now())).session
    written = []
    for id_ in ("invented", session, session):
        before = link.written
        await log_ins.end(id_)
        written.append(link.written - before)
    assert written == [0, 1, 0]
    assert await log_ins.holder(session, clock.now()) is None


async def test_failures_at_both_count_together(two: Two, token: str) -> None:
    for number in range(MAX_OF_ORIGIN):
        assert await log_in(two[0], two[number % 2], "wrong") == 401
    for one in two:
        assert await log_in(one, one, token) == 429


async def test_while_the_store_is_away_nobody_is_asked_to_log_in_and_health_answers(
    file: Path, token: str
) -> None:
    class Away(MemoryStore):
        is_away = False

        async def read(self, work: Callable[[Ledger], T]) -> T:
            if self.is_away:
                raise StoreError("the store does not answer")
            return await super().read(work)

    store = Away()
    async with visiting(login_with(file), store=store) as client:
        assert await log_in(client, client, token) == 303
        store.is_away = True
        page = await client.get("/", headers=HTML)
        assert page.status_code == 503
        assert "the store does not answer" in page.text
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/nowhere", headers=HTML)).status_code == 404
        store.is_away = False
        assert (await client.get("/", headers=HTML)).status_code == 200
