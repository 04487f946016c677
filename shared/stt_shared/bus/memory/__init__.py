"""The in-memory message bus: the twin of the adapter of NATS, for tests and the demo."""

from stt_shared.bus.memory.adapter import MemoryBroker, MemoryBus, MemoryInbox
from stt_shared.bus.memory.broker import matches

__all__ = ["MemoryBroker", "MemoryBus", "MemoryInbox", "matches"]
