"""A folder of checks becomes a pack, after every fault in it has been told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stt_shared.checkfile import catalogue
from stt_shared.checkfile.catalogue import CHECK_FILE, NO_CHECKS, RELEASES_FILE
from stt_shared.checkfile.parts import FOLDER
from stt_shared.errors import ConfigError
from stt_shared.pack.archive import Pack, make
from stt_shared.pack.manifest import PackError, check_path

# An unsigned folder has no serial and no age: the same content is the same bytes at any time.
EVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What stands on a pack: its name, serial and life."""

    name: str
    serial: int
    created: datetime
    expires: datetime


def build(folder: Path, label: Label, *, lenient: bool = False) -> Pack:
    """The pack of the checks below `folder`; raises ConfigError with every fault.

    `lenient` reads the folder as PMM's files are read: only that no check is good is a fault.
    """
    found = catalogue.load(folder, strict=not lenient)
    faults = [] if lenient and found.checks else list(map(str, found.faults))
    files = _files(folder, lenient=lenient)
    faults += [fault for path in files if (fault := _fault(path))]
    if faults:
        raise ConfigError(f"{folder} makes no pack", faults=tuple(faults))
    return _made(folder, files, label, lenient=lenient)


def of_folder(folder: Path, name: str) -> Pack:
    """A pack to be taken unsigned; what is bad in it is left out by whoever loads it.

    A folder without any of our check files is one of PMM's. Raises ConfigError if it has none.
    """
    if not folder.is_dir():
        raise ConfigError(f"no folder of checks at {folder}")
    lenient = not any(folder.rglob(CHECK_FILE))
    files = {p: file for p, file in _files(folder, lenient=lenient).items() if not _fault(p)}
    if not files:
        raise ConfigError(f"no check files in {folder}")
    created, expires = EVER
    label = Label(name=name, serial=0, created=created, expires=expires)
    return _made(folder, files, label, lenient=lenient)


def _made(folder: Path, files: Mapping[str, Path], label: Label, *, lenient: bool) -> Pack:
    try:
        return make(
            {path: file.read_bytes() for path, file in files.items()},
            name=label.name,
            serial=label.serial,
            created=label.created,
            expires=label.expires,
            lenient=lenient,
        )
    except PackError as error:
        raise ConfigError(f"{folder} makes no pack", faults=(str(error),)) from error
    except OSError as error:
        why = (error.strerror or "").lower()
        raise ConfigError(f"cannot read {error.filename} ({why})") from error


def _files(folder: Path, *, lenient: bool) -> dict[str, Path]:
    """What belongs into a pack, by path: check files, what they share, and the release data."""
    shared = (folder / FOLDER).glob("*.yaml")
    found = (
        (file for file in folder.rglob("*.y*ml") if _is_part_of_pack(file))
        if lenient
        else (*folder.rglob(CHECK_FILE), *shared, folder / RELEASES_FILE)
    )
    return {file.relative_to(folder).as_posix(): file for file in sorted(found) if file.is_file()}


def _is_part_of_pack(file: Path) -> bool:
    return file.name not in NO_CHECKS or file.name == RELEASES_FILE


def _fault(path: str) -> str:
    try:
        check_path(path)
    except PackError as error:
        return str(error)
    return ""
