"""Store the last accepted serial of each pack, so that an older pack is never accepted."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from stt_shared.errors import ConfigError

FILE = "pack-serials.json"
_DECODER = msgspec.json.Decoder(dict[str, int])


def write_safely(path: Path, data: bytes) -> None:
    """Replace the content of `path` atomically and durably; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        # Before the rename: otherwise a power failure can leave an empty file under the new name.
        os.fsync(file.fileno())
    beside.replace(path)
    # The rename itself is only durable after a sync of the folder.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Serials:
    """The last accepted serial of each pack name; `accept` returns after the sync to disk."""

    def __init__(self, folder: Path) -> None:
        """Read the file in `folder`; raises ConfigError if it cannot be read."""
        self._path = folder / FILE
        try:
            self._last = _DECODER.decode(self._path.read_bytes()) if self._path.exists() else {}
        except (OSError, msgspec.DecodeError) as error:
            # Starting with an empty file would accept every older pack.
            raise ConfigError(
                f"cannot read the serials of packs in {self._path} ({error})",
                hint="delete the file only if no older pack can be offered",
            ) from error

    def last(self, name: str) -> int:
        """The last accepted serial of pack `name`; 0: none."""
        return self._last.get(name, 0)

    def accept(self, name: str, serial: int) -> None:
        """Record that `serial` was accepted; raises OSError if the file cannot be written."""
        # Never lower: the rollback that this file is there to refuse would be written into it.
        if serial > self.last(name):
            newer = self._last | {name: serial}
            write_safely(self._path, msgspec.json.encode(newer, order="sorted"))
            # After the write: a serial that is not on the disk must not count as accepted.
            self._last = newer
