"""Print critical findings as they open; what opened while it was away comes first."""

import asyncio
import json
import sys

import nats


async def main(url: str) -> None:
    stream = (await nats.connect(url)).jetstream()
    events = await stream.subscribe("stt.v1.event.finding.opened.critical.>", durable="printer")
    async for event in events.messages:
        print(json.dumps(json.loads(event.data)["after"]), flush=True)
        await event.ack()


asyncio.run(main(sys.argv[1]))
