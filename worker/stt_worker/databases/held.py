"""Answers with a limit on their total size; above it the largest are dropped.

So a check that asks for too much loses its own answers and costs no other check its answers.
"""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

import msgspec

from stt_shared.protocol.enums import Kind
from stt_worker.databases.bounds import without_json
from stt_worker.databases.port import Failure

Key = TypeVar("Key")
Value = TypeVar("Value")

_encoder = msgspec.json.Encoder()


class Answers(dict[Key, Value | Failure], Generic[Key, Value]):
    """The answers of one inspection; together they have at most `limit` bytes as JSON."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._size = 0
        self._largest: list[tuple[int, int, Key]] = []  # a heap of negative sizes

    def __setitem__(self, key: Key, answer: Value | Failure) -> None:
        """Keep the answer to a question; each question is set once."""
        try:
            size = 0 if isinstance(answer, Failure) else _size(answer)
        except (ValueError, TypeError, RecursionError) as error:  # as in `encoded`
            size, answer = 0, without_json(error)
        super().__setitem__(key, answer)
        self._size += size
        heapq.heappush(self._largest, (-size, len(self), key))
        # The largest goes first: a check with small answers must not pay for another.
        while self._size > self._limit:
            size, _, largest = heapq.heappop(self._largest)
            self._size += size
            why = f"all answers together exceed {self._limit} bytes; this is the largest"
            super().__setitem__(largest, Failure(kind=Kind.TOO_LARGE, reason=why))


def _size(answer: object) -> int:
    return len(answer) if isinstance(answer, bytes) else len(_encoder.encode(answer))
