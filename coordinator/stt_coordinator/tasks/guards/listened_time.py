"""Measure how long a worker was silent, by a clock that runs only while others are heard."""

from __future__ import annotations

from collections.abc import Collection

from stt_coordinator.domain.target_life import Member
from stt_shared import clock


class ListenedTime:
    """Seconds in which workers were heard, and how long of these each worker was silent.

    No wall clock is read, and while nobody at all is heard (NATS is away, this process sleeps)
    no time passes: silence would otherwise be proved by a broken connection.
    """

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s  # that count between two announcements
        self._listened_s = 0.0
        self._last: float | None = None
        self._heard: dict[Member, float] = {}

    def hear(self, member: Member) -> None:
        """Note that `member` was heard now."""
        at = clock.monotonic()
        if self._last is not None:
            self._listened_s += min(at - self._last, self._most_s)
        self._last = at
        self._heard[member] = self._listened_s

    def forget_others(self, workers: Collection[str]) -> None:
        """Forget all members but those of these names: others are invented for nothing."""
        self._heard = {member: at for member, at in self._heard.items() if member[1] in workers}

    def silence_s(self, member: Member) -> float:
        """How long others were heard and `member` was not, since this process started at most."""
        return self._listened_s - self._heard.get(member, 0.0)
