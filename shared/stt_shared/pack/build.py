"""A folder of checks becomes a pack, after every fault in it has been told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stt_shared.checkfile import catalogue
from stt_shared.checkfile.document import Fault
from stt_shared.checkfile.folder import Files, read_folder
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
    files, unread = _files(folder, lenient=lenient)
    found = catalogue.of_files(files, strict=not lenient, source=f"{folder}/")
    faults = [] if lenient and found.checks else list(map(str, (*unread, *found.faults)))
    faults += [fault for path in files if (fault := _fault(path))]
    if not faults and not found.checks:
        raise ConfigError(f"no check files in {folder}")
    if faults:
        raise ConfigError(f"{folder} makes no pack", faults=tuple(faults))
    return _made(folder, files, label, lenient=lenient)


def of_folder(folder: Path, name: str) -> Pack:
    """A pack to be taken unsigned; what is bad in it is left out by whoever loads it.

    A folder without any of our check files is one of PMM's. Raises ConfigError if it has none.
    """
    files, _ = _files(folder, lenient=False)
    lenient = not any(catalogue.is_check_file(path, strict=True) for path in files)
    if lenient:
        files, _ = _files(folder, lenient=True)
    files = {path: data for path, data in files.items() if not _fault(path)}
    created, expires = EVER
    label = Label(name=name, serial=0, created=created, expires=expires)
    return _made(folder, files, label, lenient=lenient)


def _made(folder: Path, files: Mapping[str, bytes], label: Label, *, lenient: bool) -> Pack:
    try:
        return make(
            files,
            name=label.name,
            serial=label.serial,
            created=label.created,
            expires=label.expires,
            lenient=lenient,
        )
    except PackError as error:
        raise ConfigError(f"{folder} makes no pack", faults=(str(error),)) from error


def _files(folder: Path, *, lenient: bool) -> tuple[Files, list[Fault]]:
    """What belongs into a pack, by path, and what of it cannot be read; raises ConfigError."""
    if not folder.is_dir():
        raise ConfigError(f"no folder of checks at {folder}")
    faults: list[Fault] = []
    strict = not lenient
    files = read_folder(folder, lambda path: catalogue.is_content(path, strict=strict), faults)
    if lenient and not faults and not files:
        raise ConfigError(f"no check files in {folder}")
    return files, faults


def _fault(path: str) -> str:
    try:
        check_path(path)
    except PackError as error:
        return str(error)
    return ""
