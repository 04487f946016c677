"""A pack as one file: a tar archive in a canonical form, so that equal content is equal bytes.

It is not compressed, because the bytes would depend on the version of the compressor.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stt_shared.identity import digest
from stt_shared.pack.manifest import (
    Manifest,
    PackError,
    check_manifest,
    decode_manifest,
    encode_manifest,
)

MANIFEST = "manifest.json"
MAX_PACK_BYTES = 16 * 1024 * 1024
MAX_FILES = 10_000
BLOCK = tarfile.BLOCKSIZE
NAME_FIELD, SIZE_FIELD = slice(0, 100), slice(124, 135)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A manifest and the content of its files."""

    manifest: Manifest
    files: Mapping[str, bytes]

    @property
    def label(self) -> str:
        """Name and serial for display."""
        return f"{self.manifest.name} {self.manifest.serial}"


def make(
    files: Mapping[str, bytes],
    *,
    name: str,
    serial: int,
    created: datetime,
    expires: datetime,
    lenient: bool = False,
) -> Pack:
    """A pack of `files`; raises PackError for an invalid name, path, time or number of files."""
    manifest = Manifest(
        name=name,
        serial=serial,
        created=created,
        expires=expires,
        lenient=lenient,
        files={path: digest(files[path]) for path in sorted(files)},
    )
    check_manifest(manifest)
    if len(files) > MAX_FILES:
        raise PackError(f"{len(files)} files, the limit is {MAX_FILES}")
    if MANIFEST in files:
        raise PackError(f"the name {MANIFEST} is reserved for the manifest")
    return Pack(manifest=manifest, files=dict(files))


def encode(pack: Pack) -> bytes:
    """The bytes of `pack`; raises PackError above MAX_PACK_BYTES."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, MANIFEST, encode_manifest(pack.manifest))
        for path in sorted(pack.files):
            _add(tar, path, pack.files[path])
    data = out.getvalue()
    if len(data) > MAX_PACK_BYTES:
        raise PackError(f"the pack has {len(data)} bytes, the limit is {MAX_PACK_BYTES}")
    return data


def _add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    entry = tarfile.TarInfo(path)  # owner 0 and time 0: nothing of this machine
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def decode(data: bytes) -> Pack:
    """The pack in `data`; raises PackError unless `encode` makes exactly these bytes."""
    # Before anything is parsed: the bytes may come from anywhere.
    if len(data) > MAX_PACK_BYTES:
        raise PackError(f"the pack has {len(data)} bytes, the limit is {MAX_PACK_BYTES}")
    files = _members(data)
    if MANIFEST not in files:
        raise PackError(f"it has no {MANIFEST}")
    manifest = decode_manifest(files.pop(MANIFEST))
    if manifest.files != {path: digest(content) for path, content in files.items()}:
        raise PackError("its files are not those in its manifest")
    pack = Pack(manifest=manifest, files=files)
    # Rejects all other content of a tar archive: links, owners, a second copy of a file.
    if encode(pack) != data:
        raise PackError("it is not in the canonical form of a pack")
    return pack


def _members(data: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    at = 0
    while data[at : at + 1] not in (b"", b"\0"):
        block = data[at : at + BLOCK]
        try:
            name = block[NAME_FIELD].rstrip(b"\0").decode("ascii")
            size = int(block[SIZE_FIELD], 8)
        except ValueError as error:  # includes UnicodeDecodeError
            raise PackError("it is not a pack file") from error
        content = data[at + BLOCK : at + BLOCK + size]
        if len(content) != size or name in files or len(files) > MAX_FILES:
            raise PackError("it is truncated, or contains a file twice")
        files[name] = content
        at += BLOCK + -(-size // BLOCK) * BLOCK
    return files
