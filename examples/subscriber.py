"""Print critical findings as they open; what opened while it was away comes first."""

import asyncio
import contextlib
import json
import sys

import nats


async def main(url: str, key: str | None = None) -> None:
    client = await nats.connect(url, nkeys_seed=key)
    events = await client.jetstream().pull_subscribe_bind("events", stream="STT_EVENTS")
    while True:
        with contextlib.suppress(TimeoutError):
            for event in await events.fetch(100, timeout=5):
                if event.subject.startswith("stt.v1.event.finding.opened.critical."):
                    print(json.dumps(json.loads(event.data)["after"]), flush=True)
                await event.ack()


asyncio.run(main(*sys.argv[1:]))
