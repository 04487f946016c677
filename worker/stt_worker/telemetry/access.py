"""Watches whether NATS lets this worker use its subjects, and says so where people look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from stt_shared.bus import probe
from stt_shared.bus.port import Bus
from stt_shared.bus.probe import Answer
from stt_shared.protocol import accounts
from stt_shared.protocol.enums import Family
from stt_shared.telemetry.logs import logger

FIRST_S = 60.0  # by then a coordinator has made the consumers of a new site
EVERY_S = 300.0
MAX_NAMED = 10  # subjects in a heartbeat
_LOG = logger("access")


class AccessWatch:
    """Asks the worker's own subjects; `refused` has those that it may not use.

    `changed` is called when `refused` changes.

    A subject that the account does not import is refused nowhere: heartbeats and results vanish.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        site: str,
        worker: str,
        families: Callable[[], Iterable[Family]],
    ) -> None:
        self._bus = bus
        self._site, self._worker = site, worker
        self._families = families
        self.refused: tuple[str, ...] = ()
        self.changed: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        # Not at once: the consumers of a new site are missing until the coordinator has heard of
        # it.
        await asyncio.sleep(FIRST_S)
        while True:
            await self.inspect()
            await asyncio.sleep(EVERY_S)

    async def inspect(self) -> None:
        """Ask once; a change is logged and sent with the next heartbeat."""
        crossings = accounts.of_worker(self._site, self._worker, tuple(self._families()))
        probes = probe.own(crossings)
        answers = await probe.ask(self._bus, probes)
        if Answer.ANSWERED not in answers:
            return  # NATS or its JetStream is away: that is no matter of rights
        lacking = [
            one.subject
            for one, answer in zip(probes, answers, strict=True)
            if answer is Answer.ABSENT
        ]
        found = tuple(dict.fromkeys((*lacking, *self._bus.refused())))[:MAX_NAMED]
        if found == self.refused:
            return
        self.refused = found
        if found:
            _LOG.error("access_missing", subjects=list(found), hint="stt nats check")
        else:
            _LOG.info("access_restored")
        self.changed()
