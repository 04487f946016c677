"""The sentence that every output carries where checks may run that nobody signed."""

from __future__ import annotations

from collections.abc import Sequence

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.domain.model import WorkerRecord
from stt_shared.report import readable


def unsigned(context: HandlerContext, workers: Sequence[WorkerRecord]) -> str:
    """Who runs what nobody signed, and whose pack is unsigned; empty where all is signed."""
    allowing = [w.worker for w in workers if w.state == "up" and w.allow_unsigned]
    pack = context.library.status
    found: list[str] = []
    if pack is not None and not pack.key:
        found.append(f"the checks of {pack.source} are unsigned")
        if not allowing:
            found.append("no worker takes them without --allow-unsigned")
    if allowing:
        named = readable.first_names(allowing)
        found.append(f"unsigned packs are taken by {named} (--allow-unsigned)")
    return "; ".join(found)
