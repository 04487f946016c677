"""Log-ins while the store cannot be written, and what is answered without the store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from stt_coordinator.control.log_ins import ALONE, MAX_OF_ORIGIN, LogIns
from stt_coordinator.store.memory.store import Kept, MemoryStore
from stt_coordinator.store.port import Ledger
from stt_coordinator.tasks.troubles import Troubles
from stt_shared.protocol.enums import Role
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.pair import Link, LinkedStore
from tests.support.coordinator.visitors import HTML, Client, login_with, tokens_in, visiting

T = TypeVar("T")


async def posted(client: Client, token: str) -> int:
    form = await client.get("/login", headers=HTML)
    field = re.search(r'name="_csrf_token" value="([^"]+)"', form.text)
    assert field is not None
    sent = {"_csrf_token": field[1], "token": token, "to": "/"}
    answer = await client.post("/login", data=sent, headers=HTML, follow_redirects=False)
    return answer.status_code


async def test_people_log_in_and_out_and_failures_are_limited_while_the_disk_is_full(
    file: Path,
) -> None:
    token, link = tokens_in(file, ann=Role.ADMIN)["ann"], Link()
    async with visiting(login_with(file), store=LinkedStore(Kept(), link)) as client:
        link.is_full = True
        assert await posted(client, token) == 303
        page = await client.get("/settings", headers=HTML)
        assert "ann (admin)" in page.text
        found = await asyncio.gather(*(posted(client, "wrong") for _ in range(3 * MAX_OF_ORIGIN)))
        assert found.count(401) == MAX_OF_ORIGIN
        assert set(found) == {401, 429}
        field = re.search(r'name="_csrf_token" value="([^"]+)"', page.text)
        assert field is not None
        cookie = client.cookies["stt-session"]
        sent = {"_csrf_token": field[1]}
        done = await client.post("/logout", data=sent, headers=HTML, follow_redirects=False)
        assert done.status_code == 303
        client.cookies.set("stt-session", cookie)
        assert (await client.get("/settings", headers=HTML)).status_code == 401
        link.is_full = False


async def test_what_counted_here_alone_is_reported_and_written_once_that_works() -> None:
    kept, link, troubles = Kept(), Link(), Troubles()
    here, there = LogIns(LinkedStore(kept, link), troubles), LogIns(MemoryStore(kept))
    before = (await here.enter("10.0.0.1", "d", NOW)).session
    link.is_full = True
    key = await here.form_key()
    inside = (await here.enter("10.0.0.1", "d", NOW)).session
    await here.end(before)
    assert troubles.sentences() == (f"{ALONE}: no room on the disk",)
    assert await here.holder(inside, NOW) == "d"
    assert await here.holder(before, NOW) is None
    assert await there.holder(inside, NOW) is None
    assert await here.keep() == ""
    link.is_full = False
    assert (await here.enter("10.0.0.2", "d", NOW)).session  # that works, before it is all written
    assert await here.keep() == key
    assert troubles.sentences() == ()
    assert await here.keep() == ""
    for one in (here, there):
        assert await one.holder(inside, NOW) == "d"
        assert await one.holder(before, NOW) is None
        assert await one.form_key() == key


class Counting(MemoryStore):
    """A store that counts who reads it for a session."""

    reads = 0

    async def read(self, work: Callable[[Ledger], T]) -> T:
        self.reads += "LogIns.holder" in work.__qualname__
        return await super().read(work)


async def test_files_and_liveness_are_answered_without_the_store(file: Path) -> None:
    tokens_in(file, ann=Role.ADMIN)
    store = Counting()
    async with visiting(login_with(file), store=store) as client:
        client.cookies.set("stt-session", "x" * 43)
        for path in ("/static/style.css", "/healthz", "/login"):
            assert (await client.get(path)).status_code == 200
            assert store.reads == 0, path
        assert (await client.get("/", headers=HTML)).status_code == 401
        assert store.reads == 1
