"""A disk of its own for one process, small enough to be filled."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.fixtures import left_out

SIZE = "4m"


@contextmanager
def small_disk(folder: Path, size: str = SIZE) -> Generator[Path]:
    """A file system of `size` at `folder`; without mounting the test is left out, or fails.

    What a store does then is shown on SQLite's page limit in the tests of store and outbox.
    """
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        left_out("no mount program")
    if done.returncode:
        left_out("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Use up every byte of `disk`; returns the file to delete for room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4_096, 1):
            while written(lambda: file.write(b"x" * size)):  # noqa: B023  # called now
                pass
    return filler


def written(write: Callable[[], object]) -> bool:
    try:
        write()
    except OSError:
        return False
    return True
