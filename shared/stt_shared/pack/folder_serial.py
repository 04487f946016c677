"""The serial of a folder of checks, in a file beside them; it rises with every change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stt_shared.checkfile.catalogue import PACK_FILE, load
from stt_shared.checkfile.document import DocumentError, mapping
from stt_shared.checkfile.folder import UnreadableError, read_file, text_of
from stt_shared.errors import ConfigError

TEXT = """\
# The serial of this folder as a pack, and the digest of the content that has it.
# Changed content needs a higher serial: `stt pack serial {folder}` writes both.
serial: {serial}
content: {content}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSerial:
    """A serial and the digest of its content."""

    serial: int
    content: str


def read_serial(folder: Path) -> FolderSerial | None:
    """The serial in the file of the folder; None without a file. Raises ConfigError."""
    file = folder / PACK_FILE
    if not file.exists():
        return None
    try:
        fields = mapping(text_of(read_file(file)))
    except UnreadableError as error:
        raise ConfigError(f"cannot read {file} ({error})") from error
    except DocumentError as error:
        raise ConfigError(f"{file}:{error.line}: {error.message}") from error
    serial, content = fields.get("serial"), fields.get("content")
    if not isinstance(serial, int) or not isinstance(content, str):
        raise ConfigError(f"{file} needs a number `serial` and a digest `content`")
    return FolderSerial(serial=serial, content=content)


def current_serial(folder: Path) -> int | None:
    """The serial of the present content; None without a file.

    Raises ConfigError if the content has changed since the serial was written.
    """
    found = read_serial(folder)
    if found is None:
        return None
    if found.content != load(folder, strict=True).pack:
        raise ConfigError(
            f"the content of {folder} is not that of serial {found.serial}",
            hint=f"raise it: stt pack serial {folder}",
        )
    return found.serial


def raise_serial(folder: Path) -> FolderSerial:
    """Write the next serial if the content has changed; returns the present one.

    Raises ConfigError as `read_serial`, and for a folder that cannot be loaded.
    """
    before, content = read_serial(folder), load(folder, strict=True).pack
    if before is not None and before.content == content:
        return before
    after = FolderSerial(serial=before.serial + 1 if before else 1, content=content)
    text = TEXT.format(folder=folder.name, serial=after.serial, content=after.content)
    (folder / PACK_FILE).write_text(text, encoding="utf-8")
    return after
