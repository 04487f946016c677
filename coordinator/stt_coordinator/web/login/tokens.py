"""The token file: name, role and hash of each token, read again when it changes."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Role
from stt_shared.telemetry.logs import logger

PREFIX = "stt_"  # lets scanners of repositories know one
TOKEN_BYTES = 32  # at random: nobody guesses one, so a plain hash is enough
MAX_TOKEN_CHARACTERS = 200
MAX_TOKENS = 1_000
MAX_FILE_BYTES = 256 * 1024
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
NAME_RULE = "letters, digits and ._@+-, at most 64 in all"
HASH = re.compile(r"sha256:([0-9a-f]{64})")
_LOG = logger("log-in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The holder of a token; `digest` is its SHA-256 as hexadecimal digits."""

    name: str
    role: Role
    digest: str


def new_token(name: str, role: Role) -> tuple[str, str]:
    """A new token, and its line for the file.

    Raises ConfigError if `name` cannot stand in the file.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"the name of a token is {name!r:.80}, expected {NAME_RULE}")
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    return token, f"{name} {role} sha256:{digest_of(token)}"


def digest_of(token: str) -> str:
    """The hash of a token, as in the file."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def parse_tokens(text: str, path: Path) -> tuple[Token, ...]:
    """The tokens of a file; raises ConfigError with every fault found."""
    found: list[Token] = []
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            found.append(_token(words))
        except ValueError as error:
            faults.append(f"{path}:{number}: {error}")
    if len(found) > MAX_TOKENS:
        faults.append(f"{path}: {len(found)} tokens, the limit is {MAX_TOKENS}")
    if len({one.digest for one in found}) < len(found):
        faults.append(f"{path}: the same token is listed twice")
    if faults:
        raise ConfigError("the token file is invalid", faults=tuple(faults), hint=HINT)
    return tuple(found)


HINT = "create a line with stt web token new NAME --role viewer"


def _token(words: list[str]) -> Token:
    # No message contains the words themselves: one may be a token, by mistake.
    if len(words) != 3:  # noqa: PLR2004  # name, role, hash
        raise ValueError(f"{len(words)} words, expected NAME ROLE sha256:HASH")
    name, role, hash_ = words
    if not NAME.fullmatch(name):
        raise ValueError(f"the name is invalid, expected {NAME_RULE}")
    if role not in set(Role):
        raise ValueError(f"the role is not one of {', '.join(Role)}")
    match = HASH.fullmatch(hash_)
    if match is None:
        raise ValueError("the hash is not sha256: and 64 digits of 0-9 and a-f")
    return Token(name=name, role=Role(role), digest=match[1])


class TokenFile:
    """The current tokens of the file.

    The constructor raises ConfigError if the file cannot be read or is invalid. A file that becomes
    invalid later rejects every token until it is valid again: a removed token must not work again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._tokens = self._read()

    def holder(self, token: str) -> Token | None:
        """The holder of `token`; None if it is unknown."""
        return self.of_digest(digest_of(token)) if len(token) <= MAX_TOKEN_CHARACTERS else None

    def of_digest(self, digest: str) -> Token | None:
        """The holder of the token with that hash, as long as the file has it."""
        self._reload_if_changed()
        found = None
        # All are compared, each in constant time: the time of an answer must not depend on a token.
        for one in self._tokens:
            if hmac.compare_digest(one.digest, digest):
                found = one
        return found

    def _reload_if_changed(self) -> None:
        """Read the file again if it has changed."""
        before = self._seen
        try:
            if _state(self._path.stat()) == before:
                return
            self._tokens = self._read()
            _LOG.info("tokens_loaded", path=str(self._path), tokens=len(self._tokens))
        except OSError as error:
            self._seen = ()
            self._close(_unreadable(self._path, error), is_news=bool(before))
        except ConfigError as error:
            self._close(error, is_news=self._seen != before)

    def _close(self, why: ConfigError, *, is_news: bool) -> None:
        self._tokens = ()
        if is_news:
            _LOG.error("tokens_rejected", reason=why.message, hint=why.hint)

    def _read(self) -> tuple[Token, ...]:
        try:
            with self._path.open(encoding="utf-8") as file:
                found = os.fstat(file.fileno())
                self._seen = _state(found)
                # Before the text is used: a file that others write could let anybody in.
                if found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
                    mode = stat.S_IMODE(found.st_mode)
                    raise ConfigError(
                        f"web.tokens is {self._path} with mode {mode:o}, which gives everybody"
                        " access",
                        hint=f"chmod 600 {self._path}",
                    )
                if found.st_size > MAX_FILE_BYTES:
                    size = f"{found.st_size} bytes, the limit is {MAX_FILE_BYTES}"
                    raise ConfigError(f"{self._path} has {size}")
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable(self._path, error) from error
        return parse_tokens(text, self._path)


def _state(found: os.stat_result) -> tuple[int, ...]:
    """What changes whenever the file does."""
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode)


def _unreadable(path: Path, error: Exception) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
    return ConfigError(
        f"web.tokens is {path}, which cannot be read ({str(reason).lower()})", hint=HINT
    )
