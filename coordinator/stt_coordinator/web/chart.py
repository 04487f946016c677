"""The trend as an inline drawing: one line per severity over the days, without any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stt_coordinator.store.port import DayCounts
from stt_shared.protocol.words import Severity

WIDTH, HEIGHT, EDGE = 600, 120, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The points of one severity, as SVG writes them."""

    severity: Severity
    points: str


def lines(days: Sequence[DayCounts]) -> tuple[Line, ...]:
    """A line for each severity; none for fewer than two days."""
    if len(days) < 2:  # noqa: PLR2004  # one day makes no line
        return ()
    top = max(1, *(getattr(day.counts, severity) for day in days for severity in Severity))
    first, last = days[0].at.timestamp(), days[-1].at.timestamp()
    return tuple(
        Line(
            severity=severity,
            points=" ".join(
                f"{_x(day.at.timestamp(), first, last):.1f},"
                f"{_y(getattr(day.counts, severity), top):.1f}"
                for day in days
            ),
        )
        for severity in Severity
    )


def _x(at: float, first: float, last: float) -> float:
    return EDGE + (WIDTH - 2 * EDGE) * (at - first) / (last - first)


def _y(value: int, top: int) -> float:
    return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * value / top
