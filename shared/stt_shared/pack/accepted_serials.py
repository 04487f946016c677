"""The serial accepted last of each pack, in a small file: an older pack stays out for good."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from stt_shared.errors import ConfigError

FILE = "pack-serials.json"
_DECODER = msgspec.json.Decoder(dict[str, int])


def write_safely(path: Path, data: bytes) -> None:
    """Have `path` hold `data` or what it held before, also after a power failure; OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Serials:
    """What was accepted last, by the pack's name; `accept` returns when it is on the disk."""

    def __init__(self, folder: Path) -> None:
        """Read the file in `folder`; raises ConfigError if it cannot be read."""
        self._path = folder / FILE
        try:
            self._last = _DECODER.decode(self._path.read_bytes()) if self._path.exists() else {}
        except (OSError, msgspec.DecodeError) as error:
            # Starting anew would let every older pack in.
            raise ConfigError(
                f"cannot read the serials of packs in {self._path} ({error})",
                hint="delete the file only if you know that no older pack is offered",
            ) from error

    def last(self, name: str) -> int:
        """The serial accepted last of pack `name`; 0 if none was."""
        return self._last.get(name, 0)

    def accept(self, name: str, serial: int) -> None:
        """Remember that `serial` was accepted; raises OSError if it cannot be written."""
        if serial > self.last(name):
            newer = self._last | {name: serial}
            write_safely(self._path, msgspec.json.encode(newer, order="sorted"))
            self._last = newer
