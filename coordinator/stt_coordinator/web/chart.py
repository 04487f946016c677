"""The trend as SVG: open findings as lines, opened and fixed findings as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.history import Numbers, TrendDay

WIDTH, HEIGHT, EDGE = 600, 120, 6
MIDDLE = HEIGHT / 2
BAR_SHARE = 0.7  # of the width that a day has


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSeries:
    """The points of one severity, in the syntax of SVG."""

    severity: Severity
    points: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartBar:
    """Findings opened (upwards) or fixed (downwards) on a day, as an SVG rectangle."""

    kind: str
    x: float
    y: float
    width: float
    height: float


def total(numbers: Numbers) -> int:
    """Findings of every severity."""
    return numbers.critical + numbers.major + numbers.trivial


def highest(days: Sequence[TrendDay]) -> int:
    """The highest point of all lines."""
    return max((getattr(day.open, each) for day in days for each in Severity), default=0)


def series(days: Sequence[TrendDay]) -> tuple[ChartSeries, ...]:
    """A line for each severity; none for fewer than two days."""
    if len(days) < 2:  # noqa: PLR2004  # one day makes no line
        return ()
    step_x = (WIDTH - 2 * EDGE) / (len(days) - 1)
    step_y = (HEIGHT - 2 * EDGE) / max(1, highest(days))
    found: list[ChartSeries] = []
    for severity in Severity:
        heights = (step_y * getattr(day.open, severity) for day in days)
        points = (
            f"{EDGE + step_x * place:.1f},{HEIGHT - EDGE - height:.1f}"
            for place, height in enumerate(heights)
        )
        found.append(ChartSeries(severity=severity, points=" ".join(points)))
    return tuple(found)


def bars(days: Sequence[TrendDay]) -> tuple[ChartBar, ...]:
    """Two bars a day; bars without height are left out."""
    top = max((total(n) for day in days for n in (day.opened, day.resolved)), default=0)
    if not top:
        return ()
    step = (WIDTH - 2 * EDGE) / len(days)
    found: list[ChartBar] = []
    for place, day in enumerate(days):
        left, width = round(EDGE + step * place, 1), round(step * BAR_SHARE, 1)
        for kind, numbers in (("opened", day.opened), ("resolved", day.resolved)):
            height = round((MIDDLE - EDGE) * total(numbers) / top, 1)
            y = MIDDLE - height if kind == "opened" else MIDDLE
            found.append(ChartBar(kind=kind, x=left, y=y, width=width, height=height))
    return tuple(bar for bar in found if bar.height)
