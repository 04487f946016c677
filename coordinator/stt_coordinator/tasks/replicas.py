"""Name the nats-servers whose replicas of streams stay behind, for the status."""

from __future__ import annotations

from stt_shared.bus.port import Bus
from stt_shared.protocol import subjects
from stt_shared.report import readable
from stt_shared.telemetry.logs import logger

_STREAMS = tuple(spec.name for spec in subjects.STREAMS)
_LOG = logger("streams")


class Replicas:
    """The task that compares the replicas of all streams; the work itself needs a majority only."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._last: frozenset[str] = frozenset()  # behind at the last look
        self._behind: frozenset[str] = frozenset()  # behind at the last two

    async def compare(self) -> None:
        """Compare once; raises UnreachableError."""
        found = await self._bus.behind(_STREAMS)
        # Not at the first look: after an election or a restart every replica is behind a moment.
        lasting = found & self._last
        self._last = found
        if lasting != self._behind:
            self._behind = lasting
            if lasting:
                _LOG.warning("replicas_behind", servers=sorted(lasting))
            else:
                _LOG.info("replicas_current")

    @property
    def degraded(self) -> tuple[str, ...]:
        """A sentence that names the servers; nothing if there are none."""
        if not self._behind:
            return ()
        named = readable.first_names(sorted(self._behind))
        what = f"replicas are not up to date on nats-server {named}"
        return (f"{what}: nothing is lost while the others run; see stt doctor",)
