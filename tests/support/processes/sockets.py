"""To which port of loopback a process is connected, as Linux shows it."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

ESTABLISHED = "01"


def connected_port(pid: int, ports: Container[int]) -> int:
    """The one of `ports` that process `pid` has a connection to."""
    prefix = "socket:["
    inodes = {
        str(target).removeprefix(prefix).removesuffix("]")
        for entry in Path(f"/proc/{pid}/fd").iterdir()
        if str(target := entry.readlink()).startswith(prefix)
    }
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        port = int(fields[2].rpartition(":")[2], 16)
        if fields[3] == ESTABLISHED and fields[9] in inodes and port in ports:
            return port
    raise AssertionError(f"process {pid} is connected to none of {ports}")
