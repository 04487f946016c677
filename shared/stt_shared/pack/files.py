"""Name, read and write pack files and key files, within limits of size."""

from __future__ import annotations

import os
from pathlib import Path

from stt_shared.errors import ConfigError
from stt_shared.pack.archive import MAX_PACK_BYTES, Pack
from stt_shared.pack.minisign import (
    MAX_TEXT_BYTES,
    MinisignError,
    PublicKey,
    SecretKey,
    parse_public_key,
    parse_secret_key,
)

SUFFIX = ".sttpack"
SIGNATURE_SUFFIX = ".minisig"
SECRET_MODE = 0o600


def file_name(pack: Pack) -> str:
    """The name of the file of `pack`: NAME-SERIAL.sttpack."""
    return f"{pack.manifest.name}-{pack.manifest.serial}{SUFFIX}"


def signature_path(path: Path) -> Path:
    """The path where minisign expects the signature of `path`."""
    return path.with_name(path.name + SIGNATURE_SUFFIX)


def read_pack_file(path: Path) -> bytes:
    """The bytes of a pack file; raises ConfigError with its path and the reason."""
    return _read(path, MAX_PACK_BYTES)


def read_signature(path: Path) -> str | None:
    """The text of the signature of the pack file `path`, None if unsigned; raises ConfigError."""
    beside = signature_path(path)
    if not beside.exists():
        return None
    return _read(beside, MAX_TEXT_BYTES).decode(errors="replace")


def public_key(text: str) -> PublicKey:
    """The key in `text`, or in the file at this path; raises ConfigError."""
    path = Path(text).expanduser()
    try:
        return parse_public_key(text if not path.is_file() else _text(path))
    except MinisignError as error:
        what = str(path) if path.is_file() else f"{text!r:.80}"
        raise ConfigError(
            f"{what} is not a public key ({error})",
            hint="use a file of minisign or stt pack keygen, or its line of base64",
        ) from error


def secret_key(path: Path) -> SecretKey:
    """The key in a secret key file; raises ConfigError."""
    try:
        return parse_secret_key(_text(path))
    except MinisignError as error:
        raise ConfigError(
            f"{path} is not a usable secret key ({error})",
            hint="make one with stt pack keygen, or sign with minisign itself: minisign -Sm FILE",
        ) from error


def _text(path: Path) -> str:
    return _read(path, MAX_TEXT_BYTES).decode(errors="replace")


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte above the limit: a larger file is noticed, and never read whole.
            data = file.read(limit + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({(error.strerror or '').lower()})") from error
    if len(data) > limit:
        raise ConfigError(f"{path} is larger than the limit of {limit} bytes")
    return data


def write_new(path: Path, data: bytes, *, mode: int = 0o644, force: bool = False) -> None:
    """Write a new file; overwrites only with `force`. Raises ConfigError."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(data)
    except FileExistsError as error:
        raise ConfigError(f"{path} exists already", hint="overwrite it with --force") from error
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({(error.strerror or '').lower()})") from error
