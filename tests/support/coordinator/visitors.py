"""Visitors of the page: the application over a coordinator in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
from litestar import Litestar

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.log_ins import LogIns
from stt_coordinator.coordinator import Coordinator, CoordinatorDependencies, PageFactory
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.tasks.troubles import Troubles
from stt_coordinator.web.app import application
from stt_coordinator.web.login.login import Login, login_of
from stt_coordinator.web.login.tokens import new_token
from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.port import Bus
from stt_shared.protocol.enums import Role
from stt_shared.settings.web import WebSettings
from tests.support.coordinator.coordination import QUICK, catalogue, until

JSON = {"accept": "application/json"}
HTML = {"accept": "text/html"}
LOCAL = "http://127.0.0.1:8642"
HERE = ("127.0.0.1", 50_000)


class Client(httpx.AsyncClient):
    """In the loop of the coordinator, as in production: litestar's client has one of its own."""

    def __init__(self, app: Litestar, address: str) -> None:
        self.app = app
        way = httpx.ASGITransport(cast("Any", app), client=HERE)
        super().__init__(transport=way, base_url=address)


@asynccontextmanager
async def visiting(
    login: Login | None = None,
    *,
    address: str = LOCAL,
    store: Store | None = None,
    bus: Bus | None = None,
) -> AsyncGenerator[Client]:
    """A visitor of a coordinator that nobody has enabled, at the address in the browser."""
    found: list[HandlerContext] = []

    def page(context: HandlerContext, _troubles: Troubles) -> Any:
        found.append(context)
        return asyncio.Event().wait

    stop = asyncio.Event()
    means = CoordinatorDependencies(
        bus=bus or MemoryBroker().connect(),
        store=store or MemoryStore(),
        checks=catalogue,
        timing=QUICK,
        page=page,
    )
    task = asyncio.create_task(Coordinator(means).run(stop))
    try:
        await until(lambda: found)
        log_ins = LogIns(found[0].store)
        app = application(found[0], login, log_ins=log_ins, form_key=await log_ins.form_key())
        async with Client(app, address) as client:
            yield client
    finally:
        stop.set()
        await task


@asynccontextmanager
async def running_coordinator(bus: Bus, page: PageFactory) -> AsyncGenerator[None]:
    """A coordinator that serves `page` itself, on real sockets."""
    stop = asyncio.Event()
    dependencies = CoordinatorDependencies(
        bus=bus, store=MemoryStore(), checks=catalogue, timing=QUICK, page=page
    )
    task = asyncio.create_task(Coordinator(dependencies).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


def tokens_in(path: Path, **roles: Role) -> dict[str, str]:
    """A file of tokens for these people; their tokens."""
    made_for = {name: new_token(name, role) for name, role in roles.items()}
    path.write_text("".join(f"{line}\n" for _, line in made_for.values()))
    path.chmod(0o600)
    return {name: token for name, (token, _) in made_for.items()}


def login_with(path: Path) -> Login:
    """The log-in of that file."""
    found = login_of(WebSettings(tokens=str(path)))
    assert found is not None
    return found


def bearing(token: str) -> dict[str, str]:
    return {**JSON, "authorization": f"Bearer {token}"}
