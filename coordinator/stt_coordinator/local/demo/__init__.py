"""`stt demo`: a whole installation on loopback, with insecure databases."""

from __future__ import annotations

from stt_coordinator.local.demo.script import Options, run

__all__ = ["Options", "run"]
