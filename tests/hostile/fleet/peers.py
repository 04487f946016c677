"""Hostile servers of every kind in a process of their own: `python -m tests.hostile.fleet.peers`.

It prints the port of each as JSON, and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from stt_shared.protocol.enums import Family
from tests.hostile.mongodb.fake_mongodb import HEADER, OP_MSG, Raw, answering, faking, scram
from tests.hostile.postgresql import fake_postgresql
from tests.servers.listeners import Handler, dripping, hang_up, listening, silence

MIB = 1024 * 1024
ROUNDS = b"r=NONCEx,s=c2FsdHNhbHRzYWx0,i=20000000"
# A greeting of MySQL 8 whose every byte comes alone.
GREETING = b"\x4a\x00\x00\x00\x0a8.0.40\x00" + b"\x01" * 60

HANDLERS: dict[str, tuple[Family, Handler]] = {
    "rounds of hashing": (Family.POSTGRESQL, fake_postgresql.scram(20_000_000)),
    "a row of 900 MB": (Family.POSTGRESQL, fake_postgresql.rows_without_end(900 * MIB)),
    "rows without end": (Family.POSTGRESQL, fake_postgresql.rows_without_end(1_000)),
    "trickled rows": (
        Family.POSTGRESQL,
        fake_postgresql.rows_without_end(10_000, block=1, pause_s=0.05),
    ),
    **{f"silence to {family}": (family, silence) for family in Family},
    **{f"hanging up on {family}": (family, hang_up) for family in Family},
    "a trickled greeting": (Family.MYSQL, dripping(GREETING, 0.05)),
    "a greeting without end": (Family.MYSQL, dripping(GREETING, 0.0)),
}
TALKING: dict[str, Any] = {
    "rounds of hashing of MongoDB": scram(ROUNDS),
    "a message announced as 2 GB": answering(
        hello=Raw([HEADER.pack(2**31 - 1, 1, 1, OP_MSG), *[b"\0" * MIB] * 200])
    ),
}

Peers = dict[str, tuple[Family, int]]


@contextmanager
def hostile_peers() -> Generator[Peers]:
    """The hostile servers, each by what it does, while the block runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.fleet.peers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        try:
            yield {name: (Family(family), port) for name, (family, port) in found.items()}
        finally:
            process.kill()


async def _serve() -> None:
    found: dict[str, tuple[str, int]] = {}
    async with AsyncExitStack() as stack:
        for name, (family, handler) in HANDLERS.items():
            found[name] = family, await stack.enter_async_context(listening(handler))
        for name, act in TALKING.items():
            fake = await stack.enter_async_context(faking(act))
            found[name] = Family.MONGODB, fake.endpoint.port
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    os.nice(19)  # hostile servers have machines of their own
    asyncio.run(_serve())
