"""Says whether a result without a nonce is accepted: workers of the release before send none."""

from __future__ import annotations

from datetime import datetime, timedelta

from stt_coordinator.store.port import Store
from stt_coordinator.tasks.guards.clock_guard import AgreedNow
from stt_shared import clock

OPEN_AFTER_UPGRADE = timedelta(days=14)
SETTING = "results.require_nonce"


class NonceGate:
    """Closed for a new store; open for OPEN_AFTER_UPGRADE after a store was upgraded.

    `require` is the setting if somebody set it: then it alone decides. Without, it closes when the
    clocks agree that the time is over: results that it refuses do not come again, so that one wrong
    reading of a clock would lose them.
    """

    def __init__(self, store: Store, agreed_now: AgreedNow, require: bool | None = None) -> None:
        self._store = store
        self._agreed_now = agreed_now
        self._require = require
        self._is_read = False
        self._is_closed = False
        self._until: datetime | None = None

    async def required(self) -> bool:
        """Whether a result must have a nonce now; raises StoreError until it was read once."""
        if self._require is not None:
            return self._require
        if not self._is_read:
            since = await self._store.read(lambda ledger: ledger.results.nonces_optional_since())
            self._until = None if since is None else since + OPEN_AFTER_UPGRADE
            self._is_closed = self._until is None
            self._is_read = True
        # Our own clock first: the broker is asked for its time only when there is something to
        # decide.
        if not self._is_closed and self._until is not None and clock.now() >= self._until:
            at = await self._agreed_now()
            # Closed for good: a clock that goes back must not open it again.
            self._is_closed = at is not None and at >= self._until
        return self._is_closed

    @property
    def rule(self) -> str:
        """What happens to results without a nonce: the end of a sentence about them."""
        if self._require is False:
            return f"are accepted because {SETTING} is false"
        if self._require or self._until is None or self._is_closed:
            return f"are refused because {SETTING} is true"
        until = clock.to_text(self._until)[:10]
        return f"are accepted until {until} after an upgrade of the store"

    @property
    def degraded(self) -> tuple[str, ...]:
        """A sentence while results without a nonce are accepted: until when, and what to do."""
        what = f"results without a nonce {self.rule}"
        if self._require is False:
            return (what,)
        if self._require or self._until is None or self._is_closed:
            return ()
        return (f"{what}: upgrade all workers, then set {SETTING} to true",)
