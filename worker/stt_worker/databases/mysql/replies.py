"""Parses replies of the MySQL protocol within limits: packets, columns, rows."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from operator import methodcaller
from typing import Any

from pymysql import err
from pymysql.constants import CR, FIELD_TYPE

from stt_worker.databases.port import Rows
from stt_worker.databases.values import number

MAX_COLUMNS = 4_096  # the servers' own limit; each column of an answer is a packet of its own
MAX_KEPT_COLUMNS = 1_024  # cached descriptions; all servers get the same questions
MAX_KEPT_COLUMN_BYTES = 512
MAX_KEPT_HEADS = 256  # heads of replies; servers of one version describe a question's columns alike
MAX_KEPT_HEAD_BYTES = 8 * 1024
HEAD_KEY_BYTES = 24  # within the descriptions: even a head of one column is longer
HEADER_BYTES = 4
FULL_PACKET_BYTES = 0xFFFFFF  # the rest of the message follows in the next packet
_OK, _NULL, _EOF, _ERROR = 0x00, 0xFB, 0xFE, 0xFF
_EOF_BYTES, _OK_BYTES = 9, 7  # an end has fewer, an OK not fewer
_LONG = {0xFC: 2, 0xFD: 3, 0xFE: 8}  # bytes of a length that does not fit into one
_COLUMN = struct.Struct("<xHIB")  # after the names: character set, width, type
_LOST = "Lost connection to MySQL server during query"

Convert = Callable[[bytes], Any]
Column = tuple[str, Convert]


class TooMuchError(Exception):
    """The server sent more than the limit; the connection is unusable."""


class TooManyPacketsError(TooMuchError):
    """The answer has more rows than the limit."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one command: its rows and the server's flags (SERVER_STATUS_...)."""

    rows: Rows
    status: int


@dataclass(frozen=True, slots=True)
class _Head:
    """The packets before the rows of a reply, from their first byte to their last."""

    raw: bytes
    packets: int
    columns: list[Column]


# The same as values.text, without a Python frame per value.
_text = methodcaller("decode", "utf-8", "backslashreplace")
_INTEGERS = (
    *(FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG),
    *(FIELD_TYPE.LONGLONG, FIELD_TYPE.YEAR),
)
_TYPES: dict[int, Convert] = {
    **dict.fromkeys(range(256), _text),
    **dict.fromkeys(_INTEGERS, int),
    **dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), lambda raw: number(float(raw))),
}


class Budget:
    """The bytes and packets that may still come in; log-in and session share it."""

    def __init__(self, size: int, packets: int) -> None:
        self.allow(size, packets)

    def allow(self, size: int, packets: int) -> None:
        """Allow `size` bytes in at most `packets` packets from now on."""
        self._size, self._left, self._packets = size, size, packets

    def spend(self, size: int, packets: int = 1) -> None:
        """Count bytes before they are read; raises TooMuchError."""
        self._left -= size
        self._packets -= packets
        if self._left < 0:
            raise TooMuchError
        if self._packets < 0:
            raise TooManyPacketsError

    @property
    def spent(self) -> int:
        """Bytes counted since `allow`."""
        return self._size - self._left


class Replies:
    """The replies of a session, one after another; `read` returns the next bytes, or b""."""

    def __init__(self, read: Callable[[], bytes], budget: Budget) -> None:
        self._read = read
        self._budget = budget
        self._data, self._at = b"", 0
        self._number = 1

    def next(self) -> Reply:
        """The reply to the next command that was sent.

        Raises err.Error for an error of the server and for a lost connection; TooMuchError; and
        ValueError, IndexError or struct.error for malformed bytes.
        """
        if len(self._data) < self._at + HEADER_BYTES:
            self._fill(HEADER_BYTES)
        columns = self._known_columns()
        if columns is not None:
            return self._rows(columns)
        data, at = self._data, self._at
        self._number = 1  # 0 was the command
        first = self._packet()
        if first[0] == _OK and len(first) >= _OK_BYTES:
            _, at = _length(first, 1)  # affected rows
            _, at = _length(first, at)  # last insert id
            return Reply([], int.from_bytes(first[at : at + 2], "little"))
        if first[0] == _NULL:
            raise err.InterfaceError(0, "the server requests a file of this machine")
        columns = self._columns(first)
        # Else the reply was not buffered whole, and its first bytes are gone.
        if data is self._data:
            _keep_head(data[at : self._at], columns)
        return self._rows(columns)

    def _known_columns(self) -> list[Column] | None:
        """The columns, if the head of the reply is buffered and was read before, byte for byte.

        Most packets of small answers describe columns, and these are the same in every job.
        """
        data, at = self._data, self._at
        for head in _heads.get(data[at : at + HEAD_KEY_BYTES], ()):
            if data.startswith(head.raw, at):
                self._budget.spend(len(head.raw), head.packets)
                self._at = at + len(head.raw)
                self._number = (1 + head.packets) & 0xFF
                return head.columns
        return None

    def _columns(self, first: bytes) -> list[Column]:
        """The columns; `first` is the packet with their number."""
        count, _ = _length(first, 0)
        if not count:
            raise ValueError("reply without columns")
        if count > MAX_COLUMNS:
            raise TooMuchError
        columns: list[Column] = []
        for _ in range(count):
            packet = self._packet()
            # Long descriptions are not cached: a server could fill the memory with them.
            describe = _kept if len(packet) <= MAX_KEPT_COLUMN_BYTES else _described
            columns.append(describe(packet))
        _status_of_end(self._packet())
        return columns

    def _rows(self, columns: list[Column]) -> Reply:
        rows: Rows = []
        while True:
            packet = self._packet()
            if packet[0] == _EOF and len(packet) < _EOF_BYTES:
                return Reply(rows, _status_of_end(packet))
            rows.append(_row(packet, columns))

    def _packet(self) -> bytes:
        """The next packet, never empty; raises the server's error."""
        at = self._at
        if len(self._data) < at + HEADER_BYTES:
            at = self._fill(HEADER_BYTES)
        data = self._data
        size = data[at] | data[at + 1] << 8 | data[at + 2] << 16
        if data[at + 3] != self._number:
            if data[at + 3] == 0:  # MariaDB shuts down
                raise err.OperationalError(CR.CR_SERVER_LOST, _LOST)
            why = f"got {data[at + 3]} expected {self._number}"
            raise err.InternalError(f"Packet sequence number wrong - {why}")
        self._number = (self._number + 1) & 0xFF
        # Before the packet is read: its length is the server's choice.
        self._budget.spend(HEADER_BYTES + size)
        at += HEADER_BYTES
        if len(data) < at + size:
            self._at = at
            at = self._fill(size)
            data = self._data
        self._at = at + size
        packet = data[at : at + size]
        if size == FULL_PACKET_BYTES:
            packet = self._joined(packet)
        if packet[0] == _ERROR:
            err.raise_mysql_exception(packet)
        return packet

    def _joined(self, first: bytes) -> bytes:
        """`first` joined with the packets that continue it."""
        parts = [first]
        while len(parts[-1]) == FULL_PACKET_BYTES:
            at = self._fill(HEADER_BYTES)
            size = int.from_bytes(self._data[at : at + 3], "little")
            self._number = (self._number + 1) & 0xFF
            self._budget.spend(HEADER_BYTES + size)
            self._at = at + HEADER_BYTES
            at = self._fill(size)
            parts.append(self._data[at : at + size])
            self._at = at + size
        return b"".join(parts)

    def _fill(self, size: int) -> int:
        """Read until `size` bytes are buffered; returns their offset. Parsed bytes are dropped."""
        parts = [self._data[self._at :]]
        have = len(parts[0])
        while have < size:
            more = self._read()
            if not more:
                raise err.OperationalError(CR.CR_SERVER_LOST, _LOST)
            parts.append(more)
            have += len(more)
        self._data, self._at = b"".join(parts), 0
        return 0


def _length(packet: bytes, at: int) -> tuple[int, int]:
    """A length-encoded number and the offset after it; raises ValueError."""
    size = packet[at]
    at += 1
    if size < _NULL:
        return size, at
    width = _LONG.get(size)
    if width is None or at + width > len(packet):
        raise ValueError("invalid length")
    return int.from_bytes(packet[at : at + width], "little"), at + width


def _status_of_end(packet: bytes) -> int:
    if packet[0] != _EOF or len(packet) >= _EOF_BYTES:
        raise ValueError("no end packet after the columns")
    return int.from_bytes(packet[3:5], "little")


def _described(packet: bytes) -> Column:
    at = 0
    for _ in range(4):  # catalogue, database, alias of the table, table
        size, at = _length(packet, at)
        at += size
    size, at = _length(packet, at)
    name = packet[at : at + size].decode()
    own, at = _length(packet, at + size)
    _, _, kind = _COLUMN.unpack_from(packet, at + own)
    return name, _TYPES[kind]


_kept = lru_cache(MAX_KEPT_COLUMNS)(_described)
_heads: dict[bytes, list[_Head]] = {}  # by their first bytes


def _keep_head(raw: bytes, columns: list[Column]) -> None:
    """Remember a head; the number of its columns and their end are packets as well."""
    # Long ones are not kept, for the same reason as descriptions.
    if len(raw) > MAX_KEPT_HEAD_BYTES:
        return
    if sum(map(len, _heads.values())) >= MAX_KEPT_HEADS:
        _heads.clear()
    alike = _heads.setdefault(raw[:HEAD_KEY_BYTES], [])
    alike.append(_Head(raw, len(columns) + 2, columns))


def _row(packet: bytes, columns: list[Column]) -> dict[str, Any]:
    """The values by name; of columns with the same name the last is kept."""
    row: dict[str, Any] = {}
    at, length = 0, len(packet)
    for name, convert in columns:
        size = packet[at]
        if size == _NULL:
            row[name] = None
            at += 1
            continue
        if size < _NULL:
            at += 1
        else:
            size, at = _length(packet, at)
        end = at + size
        if end > length:
            raise ValueError("a value exceeds its row")
        row[name] = convert(packet[at:end])
        at = end
    return row
