"""The messages between the sandbox and its child processes: an order down, verdicts back."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Stage(IntEnum):
    """What a child works on; stands in the mark with the index of the answer or task."""

    IDLE = 0
    ANSWER = 1
    DEFINE = 2
    DRIVER = 3
    RUN = 4
    TOGETHER = 5  # all small answers


class Ending(IntEnum):
    """How a script ended in the child."""

    RETURNED = 0  # `text` is JSON
    BROKEN = 1
    SKIPPED = 2
    NOT_APPLICABLE = 3
    TIME = 4  # it ran into the time of this order


class Item(msgspec.Struct, frozen=True, array_like=True):
    """A task of an order; `releases` says whether its context holds the release data."""

    digest: str
    places: tuple[int, ...]
    whole: bool
    releases: bool


class Order(msgspec.Struct, frozen=True, array_like=True):
    """What a child has to do: define the scripts of a program, and unless `define_only` run them.

    A program is a list of items by its number. `items`, `sources` and `release_data` are sent to
    each child once: the first order of a program brings its items, and the sources that the child
    has not seen. An answer that no item asks for may be empty.
    """

    program: int
    items: list[Item]
    sources: dict[str, str]
    answers: list[bytes]
    context: bytes
    releases: str  # the digest that names the data; empty: none
    release_data: bytes
    script_s: float  # for each script
    total_s: float  # for the whole order
    define_only: bool = False
    singly: bool = False  # answers are decoded one by one, so that the mark names the culprit


class End(msgspec.Struct, frozen=True, array_like=True):
    """How one item of the order ended."""

    index: int
    ending: Ending
    text: str
    printed: str = ""


class Report(msgspec.Struct, frozen=True, array_like=True):
    """A part of the ends; the last one of an order is `done`.

    After an item that ran out of time nothing more is run: the rest has no end.
    """

    ends: list[End]
    done: bool
    cpu_s: float = 0.0  # of this process since its start


class Hello(msgspec.Struct, frozen=True, array_like=True):
    """The first word of a child: why its system calls are not filtered, or an empty text."""

    unfiltered: str


MARK_BYTES = 8
_INDEX_BITS = 24
_FIRST = {stage: int(stage) << _INDEX_BITS for stage in Stage}


def mark(stage: Stage, index: int = 0) -> int:
    """Stage and index as the number that stands in the shared memory of parent and child."""
    return _FIRST[stage] | index


def unmark(value: int) -> tuple[Stage, int]:
    """The stage and index of a mark; an unknown number counts as idle."""
    try:
        return Stage(value >> _INDEX_BITS), value & ((1 << _INDEX_BITS) - 1)
    except ValueError:
        return Stage.IDLE, 0
