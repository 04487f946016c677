"""Reads the checks that a user names: a folder or one file, in our format or in that of PMM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from stt_shared.checkfile.catalogue import (
    CHECK_FILE,
    RELEASES_FILE,
    Catalogue,
    is_check_file,
    is_content,
    of_files,
)
from stt_shared.checkfile.document import Fault
from stt_shared.checkfile.folder import Files, UnreadableError, read_file, read_folder, shown
from stt_shared.checkfile.parts import is_part
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSource:
    """The checks at a path; `folder` is where their paths begin, `ours` says whose format it is."""

    folder: Path
    ours: bool
    catalogue: Catalogue


def read_checks(path: Path) -> CheckSource:
    """The checks in a folder or a file; raises ConfigError without any check file.

    A folder with files named check.yaml is ours, any other is one of PMM: there each YAML file
    holds checks. One of our files brings the parts and release data of its folder with it.
    """
    return _of_file(path) if path.is_file() else _of_folder(path)


def _of_folder(folder: Path) -> CheckSource:
    if not folder.is_dir():
        raise ConfigError(f"no folder of checks at {folder}")
    faults: list[Fault] = []
    files = read_folder(folder, partial(is_content, strict=True), faults)
    ours = any(is_check_file(path, strict=True) for path in files)
    if not ours:
        faults.clear()  # the same files are read again, and more
        files = read_folder(folder, partial(is_content, strict=False), faults)
        if not faults and not any(is_check_file(path, strict=False) for path in files):
            raise ConfigError(f"no check files in {folder}")
    return _source(folder, files, faults, ours=ours)


def _of_file(file: Path) -> CheckSource:
    place = file.absolute()
    ours = place.name == CHECK_FILE and place.parents[1].name in set(Family)
    faults: list[Fault] = []
    files: Files = {}
    if ours:
        folder, path = place.parents[2], f"{place.parents[1].name}/{place.parent.name}/{CHECK_FILE}"
        files = read_folder(folder, lambda one: is_part(one) or one == RELEASES_FILE, faults)
    else:
        folder, path = file.parent, file.name
        if not is_check_file(path, strict=False):
            raise ConfigError(f"{file} is not a file of checks, expected *.yaml or *.yml")
    try:
        files[path] = read_file(file)
    except UnreadableError as error:
        raise ConfigError(f"{shown(file)} {error}") from error
    return _source(folder, files, faults, ours=ours)


def _source(folder: Path, files: Files, faults: Sequence[Fault], *, ours: bool) -> CheckSource:
    found = of_files(files, strict=ours, source=f"{folder}/")
    found = replace(found, faults=(*faults, *found.faults))
    return CheckSource(folder=folder, ours=ours, catalogue=found)
