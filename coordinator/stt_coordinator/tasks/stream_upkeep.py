"""Make room in the stream of results, and free the subjects of jobs that nobody will get."""

from __future__ import annotations

from collections.abc import Iterable

from stt_shared.bus.port import Bus
from stt_shared.protocol.specs import ConsumerSpec
from stt_shared.telemetry.logs import logger

SHOWN_SUBJECTS = 5
_LOG = logger("streams")


async def keep_usable(bus: Bus, results: ConsumerSpec, jobs: Iterable[ConsumerSpec]) -> None:
    """One round: recorded results are deleted, and jobs that no worker gets.

    The reconciler publishes such a job again: its subject is free then. Raises UnreachableError.
    """
    if trimmed := await bus.trim(results):
        _LOG.warning("results_trimmed", results=trimmed, stream=results.stream)
    for consumer in jobs:
        if freed := await bus.free(consumer):
            shown = list(freed[:SHOWN_SUBJECTS])
            _LOG.warning("jobs_freed", jobs=len(freed), consumer=consumer.name, subjects=shown)
