"""What can happen to the data of a nats-server: lost, an older copy, bits that flip."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from stt_coordinator.local.servers.process import Running

FLIPS = 3  # bits in each file


def lose_disks(servers: Sequence[Running]) -> None:
    """Kill all of them and start them with nothing."""
    for server in servers:
        server.kill()
        shutil.rmtree(server.directory / "data")
    for server in servers:
        server.start()


def copy_data(servers: Sequence[Running]) -> list[Path]:
    """Copies of their data as of now; all are stopped for that, as for a snapshot of volumes."""
    for server in servers:
        server.kill()
    copies = [one.directory.with_name(f"{one.directory.name}-copy") for one in servers]
    for server, copy in zip(servers, copies, strict=True):
        shutil.copytree(server.directory / "data", copy)
        server.start()
    return copies


def restore_data(servers: Sequence[Running], copies: Sequence[Path]) -> None:
    """Kill all of them and start each with an older copy of its data."""
    for server in servers:
        server.kill()
    for server, copy in zip(servers, copies, strict=True):
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
