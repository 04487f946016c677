"""A budget that is spent, and refilled evenly over a period."""

from __future__ import annotations

from dataclasses import dataclass

# Positions in a day of refused results whose outbox the store does not know (yet).
STRANGER_POSITIONS = 100_000
DAY_S = 86_400.0


@dataclass(slots=True)
class Budget:
    """`size` for each `period_s` seconds; `at` is in seconds of the monotonic clock."""

    size: float
    period_s: float
    at: float
    left: float

    @classmethod
    def full(cls, size: float, period_s: float, at: float) -> Budget:
        """An unspent budget."""
        return cls(size=size, period_s=period_s, at=at, left=size)

    def available(self, now: float) -> float:
        """What is left at `now`."""
        return min(self.size, self.left + (now - self.at) * self.size / self.period_s)

    def spend(self, amount: float, now: float) -> None:
        """Take `amount`; never below zero."""
        self.left, self.at = max(self.available(now) - amount, 0.0), now
