"""The other coordinators, from the messages in which they announce themselves."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

from stt_coordinator.lease.port import Claimant
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.coordinators import Standby
from stt_shared.telemetry.logs import logger

MAX_STANDBYS = 64  # anybody on this bus may send such messages
MAX_CHARACTERS = 200  # of a name, a host or an obstacle
INSTANCE = 8  # characters that tell processes apart
MAX_NAMED = 5
AGAIN_S = 1.0
_LOG = logger("lease")


@dataclass(frozen=True, slots=True)
class _Heard:
    first: float  # of uptime
    last: float
    one: Standby

    def is_beside(self, other: _Heard) -> bool:
        """Whether both were there at the same time: one that was started again is not."""
        return self.first <= other.last and other.first <= self.last


@dataclass(slots=True)
class Standbys:
    """Keeps what was heard within the last `silent_s` seconds.

    `changed` is called when another coordinator has committed something. `own` is the coordinator
    that hears: another one may have its name.
    """

    bus: Bus
    silent_s: float
    changed: Callable[[], None] = lambda: None
    own: Claimant | None = None
    _heard: dict[tuple[str, str, str], _Heard] = field(
        default_factory=dict[tuple[str, str, str], _Heard]
    )
    _left_out: float | None = None  # when one beyond the limit was heard last

    async def listen(self) -> None:
        """Hear until cancelled."""
        while True:
            try:
                async with self.bus.listen(subjects.STANDBYS) as messages:
                    async for message in messages:
                        self.hear(message.data)
            except UnreachableError as error:
                _LOG.debug("standbys_missed", reason=error.message)
            await asyncio.sleep(AGAIN_S)

    def hear(self, data: bytes) -> None:
        """Keep one message; what cannot be read, or is too long, is dropped."""
        try:
            one = codec.decode(Standby, data)
        except ProtocolError:
            return
        key = (one.name, one.host, one.instance)
        if max(map(len, (*key, one.obstacle))) > MAX_CHARACTERS:
            return
        now = clock.uptime()
        before = self._heard.get(key)
        if before is None and len(self._heard) >= MAX_STANDBYS:
            self._forget_silent()
        # A limit: anybody on this bus may send such messages, with as many names as they like.
        if before is None and len(self._heard) >= MAX_STANDBYS:
            self._left_out = now
        else:
            self._heard[key] = _Heard(before.first if before else now, now, one)
        # Of one without room, too: what it has committed is to be published all the same.
        if one.active and (before is None or before.one.changes != one.changes):
            self.changed()

    def present(self) -> tuple[Standby, ...]:
        """Those that were heard lately, by name."""
        self._forget_silent()
        return tuple(heard.one for _, heard in sorted(self._heard.items()))

    @property
    def degraded(self) -> tuple[str, ...]:
        """What does not work in others, several of one name, and that some are not shown."""
        troubled = [
            f"coordinator {one.name} on {one.host}: {one.obstacle}"
            for one in self.present()
            if one.obstacle
        ]
        found = [*troubled[:MAX_NAMED], *self._doubled()[:MAX_NAMED]]
        if self._left_out is not None and clock.uptime() - self._left_out < self.silent_s:
            found.append(
                f"more than {MAX_STANDBYS} other coordinators announce themselves, not all shown"
            )
        return tuple(found)

    def _doubled(self) -> list[str]:
        by_name: defaultdict[str, list[_Heard]] = defaultdict(list)
        for heard in self._heard.values():
            by_name[heard.one.name].append(heard)
        return [
            f"several coordinators have the name {name}: give each its own by coordinator.name"
            for name, those in sorted(by_name.items())
            if any(a.is_beside(b) for a, b in combinations(those, 2))
            or any(self._has_own_name(heard.one) for heard in those)
        ]

    def _has_own_name(self, one: Standby) -> bool:
        # By the instance: what this one announced itself before it led may come late.
        own = self.own
        return own is not None and own.name == one.name and own.holder[:INSTANCE] != one.instance

    def _forget_silent(self) -> None:
        oldest = clock.uptime() - self.silent_s
        self._heard = {key: one for key, one in self._heard.items() if one.last > oldest}
