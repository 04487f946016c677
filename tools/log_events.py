"""`python -m tools.log_events`: write docs/log-events.md from the lists of events and the calls."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from stt_coordinator.metrics.log_events import EVENTS as OF_COORDINATOR
from stt_shared.telemetry.log_events import EVENTS as OF_SHARED
from stt_worker.telemetry.log_events import EVENTS as OF_WORKER

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "log-events.md"
LOGGERS = frozenset({"_LOG", "log"})
NO_KEYS = frozenset({"...", "exc_info"})  # given as a mapping; for the renderer
# The level of a line by the method of the logger.
LEVELS = {one: one for one in ("debug", "info", "warning", "error")} | {"exception": "error"}
# By title of the page's section: the root of the code, and its closed list.
SECTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "Coordinator": ("coordinator/stt_coordinator", OF_COORDINATOR),
    "Worker": ("worker/stt_worker", OF_WORKER),
    "Both services": ("shared/stt_shared", OF_SHARED),
}
INTRODUCTION = """# Log events

Written from the code by `python -m tools.log_events`; a test compares. The `event` of each line is
one of these names, so that a filter or an alert can rely on it. Lines carry the keys of what they
are about as well: [operating.md](operating.md#logs).
"""


@dataclass(frozen=True, slots=True)
class LogCall:
    """One call of a logger: where it stands, the event (empty: not a literal), level and keys."""

    place: str
    event: str
    level: str
    keys: tuple[str, ...]


def calls(root: str) -> list[LogCall]:
    """Every call of a module's logger below `root`, a folder of the checkout, in order."""
    return [
        call
        for path in sorted((ROOT / root).rglob("*.py"))
        for call in _calls_of(path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8")))
    ]


def _calls_of(path: Path, tree: ast.Module) -> Iterator[LogCall]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        # Either called here, or handed on with its arguments: `stack.callback(_LOG.info, "..")`.
        for level, arguments in ((node.func, node.args), *_handed_on(node)):
            if _is_level(level):
                first = arguments[0] if arguments else None
                event = first.value if isinstance(first, ast.Constant) else ""
                keys = tuple(keyword.arg or "..." for keyword in node.keywords)
                yield LogCall(f"{path}:{node.lineno}", str(event), LEVELS[level.attr], keys)


def _handed_on(node: ast.Call) -> Iterator[tuple[ast.expr, list[ast.expr]]]:
    yield from ((one, node.args[at + 1 :]) for at, one in enumerate(node.args))


def _is_level(node: ast.expr) -> TypeGuard[ast.Attribute]:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in LOGGERS
        and node.attr in LEVELS
    )


def page() -> str:
    """The text of docs/log-events.md."""
    return "\n".join([INTRODUCTION, *map(_section, SECTIONS)])


def _section(title: str) -> str:
    root, events = SECTIONS[title]
    by_event: dict[str, list[LogCall]] = {name: [] for name in sorted(events)}
    for call in calls(root):
        by_event.setdefault(call.event, []).append(call)
    rows = [
        f"| `{name}` | {_joined(one.level for one in found)} |"
        f" {_joined(f'`{key}`' for one in found for key in one.keys if key not in NO_KEYS)} |"
        f" {events.get(name, '')} |"
        for name, found in by_event.items()
    ]
    return "\n".join(
        [
            f"## {title}\n",
            "| event | level | keys | what happened |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(texts))


def recorded() -> dict[str, dict[str, list[str]]]:
    """The events by section with their levels: what filters and alerts rely on."""
    return {title: _levels(root, events) for title, (root, events) in SECTIONS.items()}


def _levels(root: str, events: Iterable[str]) -> dict[str, list[str]]:
    by_event: dict[str, set[str]] = {name: set() for name in sorted(events)}
    for call in calls(root):
        if call.event in by_event:
            by_event[call.event].add(call.level)
    return {name: sorted(levels) for name, levels in by_event.items()}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
