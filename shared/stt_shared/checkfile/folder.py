"""Read the files of a folder of checks, whatever else the folder contains."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from stt_shared.checkfile.document import Fault
from stt_shared.checkfile.yaml.reader import MAX_BYTES

MAX_TOTAL_BYTES = 16 * 1024 * 1024  # of all files of one folder
MAX_ENTRIES = 20_000  # files and folders that are visited
MAX_DEPTH = 16  # of folders
Files = dict[str, bytes]


class UnreadableError(Exception):
    """A file cannot be read; the message is the reason."""


def read_file(path: Path | str, limit: int = MAX_BYTES) -> bytes:
    """The content of a regular file of at most `limit` bytes; raises UnreadableError.

    It never blocks: pipes and devices are rejected.
    """
    try:
        # Without O_NONBLOCK, open() of a pipe blocks until another process writes to it.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with open(number, "rb", buffering=0) as file:  # noqa: PTH123  # of a descriptor
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise UnreadableError("it is not a regular file")
            data = b""
            while len(data) <= limit and (more := file.read(limit + 1 - len(data))):
                data += more
    except OSError as error:
        raise UnreadableError(
            f"cannot be read: {(error.strerror or str(error)).lower()}"
        ) from error
    except ValueError as error:  # a NUL in the name
        raise UnreadableError(str(error)) from error
    if len(data) > limit:
        raise UnreadableError(f"it is larger than the limit of {limit} bytes")
    return data


def text_of(data: bytes) -> str:
    """The text of a file; raises UnreadableError if it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableError(f"line {line} is not UTF-8") from error


def read_folder(folder: Path, wanted: Callable[[str], bool], faults: list[Fault]) -> Files:
    """The files below `folder` whose relative path is `wanted`, sorted; or their faults.

    Hidden files and folders are skipped; links to folders are not followed.
    """
    found: Files = {}
    left = MAX_TOTAL_BYTES
    for path in _paths(folder, wanted, faults):
        try:
            data = read_file(folder / path, min(MAX_BYTES, left))
        except UnreadableError as error:
            why = f"cannot be read: {error}"
            faults.append(Fault(source=shown(folder / path), line=1, message=why))
            continue
        left -= len(data)
        found[path] = data
    return found


def shown(path: Path) -> str:
    """`path` as text in valid UTF-8."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _paths(folder: Path, wanted: Callable[[str], bool], faults: list[Fault]) -> Iterator[str]:
    waiting = [("", 0)]
    seen = 0
    paths: list[str] = []
    while waiting:
        within, depth = waiting.pop()
        for entry in _listed(folder / within, faults):
            seen += 1
            # Counted before it is read: a folder may contain a whole file system.
            if seen > MAX_ENTRIES or depth >= MAX_DEPTH:
                limit = f"more than {MAX_ENTRIES} files, or folders deeper than {MAX_DEPTH}"
                faults.append(Fault(source=shown(folder / within), line=1, message=limit))
                break
            path = f"{within}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                waiting.append((f"{path}/", depth + 1))
            if fault := _fault(entry, wanted(path)):
                faults.append(Fault(source=shown(folder / path), line=1, message=fault))
            elif wanted(path):
                paths.append(path)
    yield from sorted(paths)


def _listed(folder: Path, faults: list[Fault]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [one for one in entries if not one.name.startswith(".")]
    except OSError as error:
        why = f"cannot be read: {(error.strerror or str(error)).lower()}"
        faults.append(Fault(source=shown(folder), line=1, message=why))
        return []


def _fault(entry: os.DirEntry[str], wanted: bool) -> str:
    """Why an entry with a wanted name is not read."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8" if wanted else ""
    folder = Path(entry).is_dir()
    if folder and entry.is_symlink():
        return "a link to a folder is not followed"
    if folder and wanted:
        return "cannot be read: it is a folder"
    return ""
