"""Frames between a process and its child: four bytes of length, then the content."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Sequence

MAX_FRAME_BYTES = 64 * 1024 * 1024
READ_BYTES = 256 * 1024  # per system call
JOINED_BYTES = 64 * 1024  # frames up to this size are sent by one call, which wakes the peer once
_HEADER = struct.Struct("!I")


class FrameError(Exception):
    """The peer is gone, or sent malformed bytes."""


class Channel:
    """The child's end, which blocks; `descriptors` are files from the parent."""

    def __init__(self, link: socket.socket, descriptors: tuple[int, ...] = ()) -> None:
        self._link = link
        self.descriptors = descriptors

    def receive(self) -> bytes | None:
        """The next frame; None after the parent closed its end. Raises FrameError."""
        header = self._exactly(_HEADER.size)
        if header is None:
            return None
        size = _size(header)
        body = self._exactly(size) if size else b""
        if body is None:
            raise FrameError("the parent closed the channel in the middle of a frame")
        return bytes(body)

    def send(self, *parts: bytes) -> None:
        """Send one frame of all `parts`; raises FrameError."""
        header = _header(parts)
        try:
            if sum(map(len, parts)) <= JOINED_BYTES:
                self._link.sendall(b"".join((header, *parts)))
                return
            # Sent one after another: joined, large answers would be in memory twice.
            self._link.sendall(header)
            for part in parts:
                self._link.sendall(part)
        except OSError as error:
            raise FrameError("the parent is gone") from error

    def fileno(self) -> int:
        """The descriptor, for `poll`."""
        return self._link.fileno()

    def _exactly(self, size: int) -> bytearray | None:
        """Exactly `size` bytes; None if the parent closed its end before the first."""
        data = bytearray(size)
        view, have = memoryview(data), 0
        while have < size:
            try:
                more = self._link.recv_into(view[have:])
            except ConnectionError:
                more = 0
            if not more and have:
                raise FrameError("the parent closed the channel in the middle of a frame")
            if not more:
                return None
            have += more
        return data


class Link:
    """The parent's end; for one task at a time, and unusable after a cancelled call."""

    def __init__(self, link: socket.socket, max_bytes: int = MAX_FRAME_BYTES) -> None:
        link.setblocking(False)
        self._link = link
        self._max_bytes = max_bytes
        self._unread = bytearray()
        self._waiting = self._closed = False

    async def send(self, *parts: bytes) -> None:
        """Send one frame of all `parts`; raises FrameError if the child is gone."""
        try:
            await asyncio.get_running_loop().sock_sendall(
                self._link, b"".join((_header(parts), *parts))
            )
        except OSError as error:
            raise FrameError("the child is gone") from error

    async def receive(self) -> bytes:
        """The next frame; raises FrameError if the child is gone or the frame is too large."""
        await self._fill(_HEADER.size)
        # Checked before more is read: a child that was taken over chooses this number.
        size = _size(self._unread, self._max_bytes)
        await self._fill(_HEADER.size + size)
        frame = bytes(memoryview(self._unread)[_HEADER.size : _HEADER.size + size])
        del self._unread[: _HEADER.size + size]
        return frame

    @property
    def has_unread(self) -> bool:
        """Whether more bytes arrived than were received as frames."""
        return bool(self._unread)

    async def _fill(self, size: int) -> None:
        while len(self._unread) < size:
            self._waiting = True
            try:
                more = await asyncio.get_running_loop().sock_recv(self._link, READ_BYTES)
            except OSError:
                more = b""
            finally:
                self._waiting = False
                # Closed meanwhile: `close` left it open, because this task waited on it.
                if self._closed:
                    self._link.close()
            if not more:
                raise FrameError("the child is gone")
            self._unread += more

    def close(self) -> None:
        """Close this end; the child, and a task that waits for a frame, see the end."""
        self._closed = True
        if not self._waiting:
            self._link.close()
            return
        # Shut down, not closed: closing would not wake the reader, and the descriptor's number
        # could be reused while the reader still waits on it.
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)


def _size(header: bytes | bytearray, limit: int = MAX_FRAME_BYTES) -> int:
    size: int = _HEADER.unpack_from(header)[0]
    if size > limit:
        raise FrameError(f"a frame of {size} bytes, the limit is {limit}")
    return size


def _header(parts: Sequence[bytes]) -> bytes:
    size = sum(map(len, parts))
    if size > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {size} bytes, the limit is {MAX_FRAME_BYTES}")
    return _HEADER.pack(size)


def joined(parts: Sequence[bytes]) -> bytes:
    """`parts` as one value; `split` separates them again."""
    sizes = (len(part) for part in parts)
    return b"".join((_HEADER.pack(len(parts)), *map(_HEADER.pack, sizes), *parts))


def split(value: bytes) -> list[bytes]:
    """The parts of a value made by `joined`; raises FrameError for any other value."""
    try:
        (count,) = _HEADER.unpack_from(value)
        sizes = struct.unpack_from(f"!{count}I", value, _HEADER.size)
    except struct.error as error:
        raise FrameError("a frame without its table of parts") from error
    at = _HEADER.size * (1 + count)
    if at + sum(sizes) != len(value):
        raise FrameError("a frame whose table of parts is wrong")
    parts: list[bytes] = []
    for size in sizes:
        parts.append(value[at : at + size])
        at += size
    return parts
