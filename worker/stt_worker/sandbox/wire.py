"""The messages between the sandbox and its child processes: orders and reports."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Stage(IntEnum):
    """The current work of a child; part of the mark, with the index of the answer or task."""

    IDLE = 0
    ANSWER = 1
    DEFINE = 2
    DRIVER = 3
    RUN = 4
    TOGETHER = 5  # all small answers
    GROUP = 6  # all scripts that only returned when they last ran


class Ending(IntEnum):
    """How a script ended in the child."""

    RETURNED = 0  # `text` is JSON
    BROKEN = 1
    SKIPPED = 2
    NOT_APPLICABLE = 3
    TIME = 4  # it exceeded the time limit of this order


class Item(msgspec.Struct, frozen=True, array_like=True):
    """A task of an order; `releases` is whether its context contains the release data.

    `pmm` is whether the script runs as in Go's Starlark; its parts end at `part_ends`.
    """

    digest: str
    places: tuple[int, ...]
    whole: bool
    releases: bool
    pmm: bool = False
    part_ends: tuple[int, ...] = ()


class Order(msgspec.Struct, frozen=True, array_like=True):
    """An order for a child: compile the scripts of a program and, unless `define_only`, run them.

    A program is a numbered list of items. `items`, `sources` and `release_data` are sent to each
    child once: the first order with a program contains its items and the sources that the child
    does not have yet. An answer that no item reads may be empty.
    """

    program: int
    items: list[Item]
    sources: dict[str, str]
    answers: list[bytes]
    context: bytes
    releases: str  # the digest of the data; empty if there are none
    release_data: bytes
    script_s: float  # for each script
    total_s: float  # for the whole order
    define_only: bool = False
    # Decode answers and run scripts one by one, so that the mark shows which one kills the child.
    singly: bool = False


class End(msgspec.Struct, frozen=True, array_like=True):
    """The end of one item of the order."""

    index: int
    ending: Ending
    text: str
    printed: str = ""


class Report(msgspec.Struct, frozen=True, array_like=True):
    """Some ends of an order; its last report is `done`.

    `without_findings` are the indexes of items that printed nothing and returned an empty list;
    they have no End, because most items end so. After an item that exceeded its time nothing more
    runs, so the rest have no end.
    """

    ends: list[End]
    without_findings: list[int]
    done: bool
    cpu_s: float = 0.0  # of this process since its start


class Hello(msgspec.Struct, frozen=True, array_like=True):
    """The first message of a child: why it has no filter of system calls, or an empty text."""

    unfiltered: str


NO_FINDINGS = "[]"  # what most scripts return
MARK_BYTES = 8
_INDEX_BITS = 24
_FIRST = {stage: int(stage) << _INDEX_BITS for stage in Stage}


def mark(stage: Stage, index: int = 0) -> int:
    """Stage and index as one number, which is in memory shared by parent and child."""
    return _FIRST[stage] | index


def unmark(value: int) -> tuple[Stage, int]:
    """The stage and index of a mark; an unknown number counts as idle."""
    try:
        return Stage(value >> _INDEX_BITS), value & ((1 << _INDEX_BITS) - 1)
    except ValueError:
        return Stage.IDLE, 0
