"""The message bus on NATS with JetStream: the only package that imports the NATS client."""

from __future__ import annotations

from stt_shared.bus.jetstream.adapter import JetStreamBus, connect
from stt_shared.bus.jetstream.options import NatsOptions

__all__ = ["JetStreamBus", "NatsOptions", "connect"]
