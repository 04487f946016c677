"""The errors of a request that can be repeated: NATS or the store did not answer."""

from __future__ import annotations

from stt_coordinator.store.port import StoreError
from stt_shared.errors import UnreachableError

UNAVAILABLE = (StoreError, UnreachableError)
