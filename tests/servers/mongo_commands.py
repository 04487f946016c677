"""Commands to a MongoDB server of any age: the drivers of today refuse those before 4.4."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_worker.databases.mongodb import login
from stt_worker.databases.mongodb.wire import Wire
from stt_worker.databases.port import Endpoint, Tls

Command = dict[str, Any]


def run_commands(server: Running, *commands: Command, database: str = "admin") -> list[Command]:
    """The replies to `commands`, sent by the server's user if it has one; from any thread."""
    with ThreadPoolExecutor(max_workers=1) as apart:  # the caller may run in an event loop
        return apart.submit(asyncio.run, _run_commands(server, commands, database)).result()


async def _run_commands(
    server: Running, commands: tuple[Command, ...], database: str
) -> list[Command]:
    wire = Wire(*await asyncio.open_connection(server.host, server.port))
    try:
        if server.password:
            where = Endpoint(
                family=Family.MONGODB,
                user=server.user,
                password=server.password,
                tls=Tls(mode="off"),
            )
            await login.log_in(wire, where, {}, ["SCRAM-SHA-256"])
        return [await wire.ask(database, dict(one)) for one in commands]
    finally:
        wire.close()
