"""With which ports of loopback a process is connected, as Linux shows it."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

ESTABLISHED = "01"


def connected_port(pid: int, ports: Container[int]) -> int:
    """The one of `ports` that process `pid` has a connection to."""
    for _, port in connections(pid):
        if port in ports:
            return port
    raise AssertionError(f"process {pid} is connected to none of {ports}")


def connections(pid: int) -> Iterator[tuple[int, int]]:
    """The ports of each connection of process `pid`: its own, and the one of its peer."""
    prefix = "socket:["
    inodes = {
        str(target).removeprefix(prefix).removesuffix("]")
        for entry in Path(f"/proc/{pid}/fd").iterdir()
        if str(target := entry.readlink()).startswith(prefix)
    }
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == ESTABLISHED and fields[9] in inodes:
            own, peer = (int(one.rpartition(":")[2], 16) for one in fields[1:3])
            yield own, peer
