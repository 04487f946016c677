"""The verb `health`: the coordinator looks at itself, for `stt doctor`."""

from __future__ import annotations

from collections import Counter
from importlib import metadata

from stt_coordinator.control.desk import Desk
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.control import Empty
from stt_shared.protocol.health import HealthPart, HealthReply

DISTRIBUTION = "security-threat-tool"


async def health(desk: Desk, _request: Empty) -> HealthReply:
    """Each part proves itself anew, and the store's file is looked at."""
    parts = await desk.ready()
    return HealthReply(
        now=clock.now(),
        version=metadata.version(DISTRIBUTION),
        parts=tuple(
            HealthPart(name=part.name, is_well=part.is_well, seen=part.seen) for part in parts
        ),
        releases_as_of=desk.library.catalogue.as_of,
        store=await desk.store.health(),
        unserved=await desk.store.read(_unserved),
    )


def _unserved(ledger: Ledger) -> dict[str, int]:
    served = {worker.site for worker in ledger.workers() if worker.state == "up"}
    sites = Counter(row.site for row in ledger.all_targets() if not row.gone)
    return {site: number for site, number in sorted(sites.items()) if site not in served}
