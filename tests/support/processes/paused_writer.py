"""A process that writes a PostgreSQL store in epoch 1 and stops itself, in a transaction or not.

Its words: URL, schema, `inside` or `outside`. It prints what became of its late transaction.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from stt_coordinator.store.port import Ledger, StoreError
from stt_coordinator.store.postgresql.store import open_store
from tests.support.coordinator.store_rows import run


async def main() -> None:
    url, schema, where = sys.argv[1:]
    store = await open_store(url, schema)
    await store.begin(1)
    await store.transact(lambda ledger: ledger.runs.put(run("early", number=1)))

    def late(ledger: Ledger) -> None:
        ledger.runs.put(run("late", number=2))
        if where == "inside":
            os.kill(os.getpid(), signal.SIGSTOP)
        ledger.runs.running()

    if where == "outside":
        os.kill(os.getpid(), signal.SIGSTOP)
    try:
        await store.transact(late)
    except StoreError as error:
        print(f"{type(error).__name__}: {error.message}", flush=True)
    else:
        print("committed", flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
