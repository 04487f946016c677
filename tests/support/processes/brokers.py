"""What can happen to the data of a nats-server: lost, an older copy, bits that flip."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from stt_coordinator.local.servers.process import Running

FLIPS = 3  # bits in each file


def lose_disk(server: Running) -> None:
    """Kill it and start it with nothing."""
    server.kill()
    shutil.rmtree(server.directory / "data")
    server.start()


def copy_data(server: Running) -> Path:
    """A copy of its data as of now; it is stopped for that, as for a snapshot of its volume."""
    server.kill()
    copy = server.directory.with_name(f"{server.directory.name}-copy")
    shutil.copytree(server.directory / "data", copy)
    server.start()
    return copy


def restore_data(server: Running, copy: Path) -> None:
    """Kill it and start it with an older copy of its data."""
    server.kill()
    shutil.rmtree(server.directory / "data")
    shutil.copytree(copy, server.directory / "data")
    server.start()


def flip_bits(server: Running, dice: random.Random, pattern: str) -> list[Path]:
    """Stop it, flip bits of the files that match, and start it; returns the files.

    Stopped in order, it believes its index at the next start and finds out only when it reads.
    """
    assert server.child is not None
    server.child.terminate()
    server.child.wait(server.stop_s)
    files = sorted((server.directory / "data").glob(pattern))
    for file in files:
        data = bytearray(file.read_bytes())
        for _ in range(FLIPS if data else 0):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        file.write_bytes(data)
    server.start()
    return files
