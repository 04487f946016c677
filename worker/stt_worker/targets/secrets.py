"""Secrets are references, resolved just before connecting; no error and no log shows a value."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stt_shared.protocol.words import Kind
from stt_worker.databases.port import LookError

EXEC_TIMEOUT_S = 15.0
MAX_SECRET_BYTES = 64 * 1024
CREDENTIALS = "CREDENTIALS_DIRECTORY"
SCHEMES = ("file", "env", "cred", "exec")


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference `scheme:rest`, or a plain value (scheme empty)."""

    scheme: str = ""
    rest: str = field(default="", repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether the value itself was written down."""
        return not self.scheme and bool(self.rest)

    def __str__(self) -> str:
        if not self.scheme:
            return "a plain password" if self.rest else "no password"
        # Arguments of a program may be secrets themselves.
        shown = _words(self.rest)[0] if self.scheme == "exec" else self.rest
        return f"{self.scheme}:{shown}"


NO_SECRET = Secret()


def parse(text: str, folder: Path) -> Secret:
    """The secret that `text` names; a relative path is one in `folder`.

    Raises ValueError that says what is wrong with a reference, without a value.
    """
    scheme, found, rest = text.partition(":")
    if not found or scheme not in SCHEMES:
        return Secret("", text)
    if not rest.strip():
        raise ValueError(f"a reference {scheme}: to nothing")
    if scheme == "file":
        return Secret(scheme, str(folder / Path(rest).expanduser()))
    if scheme == "cred" and (Path(rest).name != rest or rest == ".."):
        raise ValueError("a reference cred: that is no plain name")
    if scheme == "exec":
        _words(rest)
    return Secret(scheme, rest)


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        raise ValueError("a reference exec: with an open quotation mark") from None
    if not words or not words[0].startswith("/"):
        raise ValueError("a reference exec: whose program is no absolute path")
    return words


async def resolve(secret: Secret, environ: Mapping[str, str] | None = None) -> str:
    """The value behind `secret`, without one trailing line feed.

    Raises LookError of kind `config` that names the reference, never the value.
    """
    environment = os.environ if environ is None else environ
    if not secret.scheme:
        return secret.rest
    if secret.scheme == "env":
        if secret.rest not in environment:
            raise _missing(secret, "the environment has no such variable")
        return _text(secret, os.fsencode(environment[secret.rest]), line_feed="")
    if secret.scheme == "exec":
        return _text(secret, await _output(secret))
    path = Path(secret.rest)
    if secret.scheme == "cred":
        if not environment.get(CREDENTIALS):
            raise _missing(secret, f"{CREDENTIALS} is not set; systemd sets it for a service")
        path = Path(environment[CREDENTIALS]) / secret.rest
    return _text(secret, await asyncio.to_thread(_read, secret, path))


def _missing(secret: Secret, why: str) -> LookError:
    return LookError(Kind.CONFIG, f"cannot read the secret {secret} ({why})")


def _read(secret: Secret, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise _missing(secret, (error.strerror or "unreadable").lower()) from error


def _text(secret: Secret, data: bytes, *, line_feed: str = "\n") -> str:
    if len(data) > MAX_SECRET_BYTES:
        raise _missing(secret, f"more than {MAX_SECRET_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _missing(secret, "not UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r") if line_feed else text


async def _output(secret: Secret) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            *_words(secret.rest),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise _missing(secret, (error.strerror or "cannot be started").lower()) from error
    try:
        async with asyncio.timeout(EXEC_TIMEOUT_S):
            data = await _read_all(process)
            # A program that says too much never ends: nobody reads the rest.
            status = 0 if len(data) > MAX_SECRET_BYTES else await process.wait()
    except TimeoutError:
        raise _missing(secret, f"no answer within {EXEC_TIMEOUT_S:g} s") from None
    finally:
        await _end(process)
    if status != 0:
        raise _missing(secret, f"it ended with status {status}")
    return data


async def _read_all(process: asyncio.subprocess.Process) -> bytes:
    data = b""
    while process.stdout and len(data) <= MAX_SECRET_BYTES:
        more = await process.stdout.read(MAX_SECRET_BYTES)
        if not more:
            break
        data += more
    return data


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the program and all it started, so that a hanging one leaves nothing behind."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
