"""The notice of every output where unsigned checks may run."""

from __future__ import annotations

from collections.abc import Sequence

from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.domain.model import WorkerRecord
from stt_shared.report import readable


def unsigned(context: HandlerContext, workers: Sequence[WorkerRecord]) -> str:
    """Which workers accept unsigned packs, and whether the pack is unsigned; empty if neither."""
    allowing = [w.worker for w in workers if w.state == "up" and w.allow_unsigned]
    pack = context.pack
    found: list[str] = []
    if pack is not None and not pack.key:
        found.append(f"the checks of {pack.source} are unsigned")
        if not allowing:
            found.append("no worker accepts them without --allow-unsigned")
    if allowing:
        named = readable.first_names(allowing)
        found.append(f"unsigned packs are accepted by {named} (--allow-unsigned)")
    return "; ".join(found)
