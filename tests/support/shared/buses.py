"""The two buses that have one contract: JetStream on a real server, and its in-process twin."""

from __future__ import annotations

from typing import TypeAlias

from stt_shared.bus.jetstream import JetStreamBus
from stt_shared.bus.memory import MemoryBus

AnyBus: TypeAlias = JetStreamBus | MemoryBus
