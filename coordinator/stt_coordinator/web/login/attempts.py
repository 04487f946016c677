"""The limit of failed logins: for each address, and in all."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta

from stt_coordinator.web.login.addresses import origin_of

WINDOW = timedelta(minutes=1)
MAX_OF_ADDRESS = 5  # failures in WINDOW
MAX_IN_ALL = 60  # failures in WINDOW, of all addresses


class Attempts:
    """The failures of the last WINDOW; never more than MAX_IN_ALL are kept."""

    def __init__(self) -> None:
        self._failures: deque[tuple[datetime, str]] = deque(maxlen=MAX_IN_ALL)

    def wait_s(self, address: str, now: datetime) -> int:
        """Seconds before `address` may try again; 0: now."""
        # Before they are counted: a failure that is older than WINDOW must not block anybody.
        while self._failures and self._failures[0][0] <= now - WINDOW:
            self._failures.popleft()
        origin = origin_of(address)
        own = [at for at, one in self._failures if one == origin]
        until: datetime | None = None
        if len(own) >= MAX_OF_ADDRESS:
            until = own[-MAX_OF_ADDRESS] + WINDOW
        elif len(self._failures) >= MAX_IN_ALL:
            until = self._failures[0][0] + WINDOW
        return max(1, math.ceil((until - now).total_seconds())) if until else 0

    def failed(self, address: str, now: datetime) -> None:
        """Count a failure of `address`."""
        self._failures.append((now, origin_of(address)))
