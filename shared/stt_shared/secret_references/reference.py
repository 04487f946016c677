"""References to secrets, resolved just before connecting; errors and logs never show a value."""

from __future__ import annotations

import os
import shlex
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stt_shared.errors import ConfigError
from stt_shared.secret_references import readers

EXEC_TIMEOUT_S = 15.0
FILE_TIMEOUT_S = 10.0
MAX_SECRET_BYTES = 64 * 1024
CREDENTIALS = "CREDENTIALS_DIRECTORY"
SCHEMES = ("file", "env", "cred", "exec")


class SecretError(ConfigError):
    """A secret cannot be read; names the reference, never the value."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference `scheme:rest`, or a plain value (scheme empty)."""

    scheme: str = ""
    rest: str = field(default="", repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether it is the value itself, not a reference."""
        return not self.scheme and bool(self.rest)

    def __str__(self) -> str:
        if not self.scheme:
            return "a plain password" if self.rest else "no password"
        # Without the arguments of a program: they may be secrets.
        shown = _words(self.rest)[0] if self.scheme == "exec" else self.rest
        return f"{self.scheme}:{shown}"


NO_SECRET = Secret()


def parse(text: str, folder: Path) -> Secret:
    """The secret in `text`; relative paths start at `folder`.

    Raises ValueError with the fault of a reference; it never contains a value.
    """
    scheme, found, rest = text.partition(":")
    if not found or scheme not in SCHEMES:
        return Secret("", text)
    if not rest.strip():
        raise ValueError(f"an empty reference {scheme}:")
    if scheme == "file":
        try:
            return Secret(scheme, str(folder / Path(rest).expanduser()))
        except RuntimeError:
            raise ValueError("a reference file: with ~ of an unknown user") from None
    if scheme == "cred" and (Path(rest).name != rest or rest == ".."):
        raise ValueError("a reference cred: with a path instead of a name")
    if scheme == "exec":
        _words(rest)
    return Secret(scheme, rest)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        raise ValueError("a reference exec: with an unclosed quotation mark") from None
    if not words or not words[0].startswith("/"):
        raise ValueError("a reference exec: without an absolute path of a program")
    return words


async def resolve(secret: Secret, environ: Mapping[str, str] | None = None) -> str:
    """The value of `secret`, without one trailing line break.

    Raises SecretError with the reference, never with the value.
    """
    environment = os.environ if environ is None else environ
    if not secret.scheme:
        return secret.rest
    if secret.scheme == "env":
        if secret.rest not in environment:
            raise _missing(secret, "the environment has no such variable")
        return _text(secret, os.fsencode(environment[secret.rest]))
    if secret.scheme == "exec":
        words = _words(secret.rest)
        return await _read(secret, readers.program(words, MAX_SECRET_BYTES, EXEC_TIMEOUT_S))
    path = Path(secret.rest)
    if secret.scheme == "cred":
        if not environment.get(CREDENTIALS):
            raise _missing(secret, f"{CREDENTIALS} is not set; systemd sets it for a service")
        path = Path(environment[CREDENTIALS]) / secret.rest
    return await _read(secret, readers.file(path, MAX_SECRET_BYTES, FILE_TIMEOUT_S))


def _missing(secret: Secret, why: str) -> SecretError:
    return SecretError(f"cannot read the secret {secret} ({why})")


async def _read(secret: Secret, reading: Awaitable[bytes]) -> str:
    try:
        return _text(secret, await reading).removesuffix("\n").removesuffix("\r")
    except readers.ReadError as error:
        raise _missing(secret, str(error)) from error


def _text(secret: Secret, data: bytes) -> str:
    # Readers stop one byte above the limit, so that a file that is too large is seen here.
    if len(data) > MAX_SECRET_BYTES:
        raise _missing(secret, f"more than {MAX_SECRET_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _missing(secret, "not UTF-8") from None
