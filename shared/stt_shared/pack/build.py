"""Build a pack of a folder of checks, or report every fault in it."""

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

# An unsigned folder has no serial and no age: equal content gives equal bytes at any time.
EVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The label of a pack: its name, serial, creation and expiry."""

    name: str
    serial: int
    created: datetime
    expires: datetime


def build(folder: Path, label: Label, *, lenient: bool = False) -> Pack:
    """The pack of the checks below `folder`; raises ConfigError with every fault.

    `lenient` reads the folder like PMM's files: only a folder without any valid check is a fault.
    """
    files, unread = _files(folder, lenient=lenient)
    found = catalogue.of_files(files, strict=not lenient, source=f"{folder}/")
    faults = [] if lenient and found.checks else list(map(str, (*unread, *found.faults)))
    faults += [fault for path in files if (fault := _fault(path))]
    if not faults and not found.checks:
        raise ConfigError(f"no check files in {folder}")
    if faults:
        raise ConfigError(f"cannot build a pack of {folder}", faults=tuple(faults))
    return _made(folder, files, label, lenient=lenient)


def of_folder(folder: Path, name: str) -> Pack:
    """An unsigned pack of `folder`; invalid checks are left out when it is loaded.

    A folder without check files of STT is read as one of PMM. Raises ConfigError without any check.
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
        raise ConfigError(f"cannot build a pack of {folder}", faults=(str(error),)) from error


def _files(folder: Path, *, lenient: bool) -> tuple[Files, list[Fault]]:
    """The files of a pack by path, and the unreadable ones; raises ConfigError."""
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
