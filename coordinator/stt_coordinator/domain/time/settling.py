"""Decides when a growing group is complete: unchanged for a while, or after a limit."""

from __future__ import annotations


class Settling:
    """The number of members of a group over time; times are seconds of a monotonic clock."""

    def __init__(self, quiet_s: float, most_s: float) -> None:
        self._quiet_s = quiet_s
        self._most_s = most_s
        self._number = 0
        self._since = 0.0  # when the first member came
        self._changed = 0.0

    def is_complete(self, number: int, at: float) -> bool:
        """Whether the group, now of `number` members, is to be taken; an empty one never is."""
        if not self._number:
            self._since = at
        if number != self._number:
            self._number, self._changed = number, at
        is_quiet = at - self._changed >= self._quiet_s
        return bool(number) and (is_quiet or at - self._since >= self._most_s)
