"""The manifest of a pack: name, serial, creation, expiry, and the SHA-256 of each file."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec

from stt_shared.identity import TOKEN, TOKEN_RULE
from stt_shared.protocol.codec import UNDECODABLE

SCHEMA = "stt.pack/v1"
MAX_SERIAL = 2**53 - 1  # exact in every JSON reader
MAX_PATH_CHARACTERS = 100
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class PackError(ValueError):
    """Bytes are not a pack, or a pack cannot be built; the message is the reason."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`files` maps each path to its SHA-256; `lenient` packs contain check files of PMM."""

    schema: str = SCHEMA
    name: str
    serial: int
    created: Instant
    expires: Instant
    lenient: bool = False
    files: dict[str, str]


_DECODER = msgspec.json.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON, the same bytes for the same values."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"


def decode_manifest(data: bytes) -> Manifest:
    """The manifest in `data`; raises PackError."""
    try:
        manifest = _DECODER.decode(data)
    except UNDECODABLE as error:
        raise PackError(f"the manifest cannot be read: {error}") from error
    check_manifest(manifest)
    return manifest


def check_manifest(manifest: Manifest) -> None:
    """Raise PackError for the first invalid value."""
    if manifest.schema != SCHEMA:
        raise PackError(f"the manifest is {manifest.schema!r:.60}, expected {SCHEMA!r}")
    if TOKEN.fullmatch(manifest.name) is None:
        raise PackError(f"the name is {manifest.name!r:.100}, expected {TOKEN_RULE}")
    if not 0 <= manifest.serial <= MAX_SERIAL:
        raise PackError(f"the serial is {manifest.serial}, expected 0 to {MAX_SERIAL}")
    if manifest.expires <= manifest.created:
        raise PackError("the pack expires before it is created")
    for path, digest in manifest.files.items():
        check_path(path)
        if _SHA256.fullmatch(digest) is None:
            raise PackError(f"{path} has no SHA-256")


def check_path(path: str) -> None:
    """Raise PackError for a path that could leave the folder, or with special characters."""
    if len(path) > MAX_PATH_CHARACTERS:
        limit = MAX_PATH_CHARACTERS
        raise PackError(f"the path {path[:60]!r}... has {len(path)} characters, limit {limit}")
    if _PATH.fullmatch(path) is None:
        raise PackError(f"the path {path!r} is not a sequence of plain names separated by slashes")
