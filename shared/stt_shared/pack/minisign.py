"""Parse and format the text files of minisign: signature, public key, secret key.

Format: https://jedisct1.github.io/minisign/#signature-format
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

PLAIN = b"Ed"  # Ed25519 over the file itself
PREHASHED = b"ED"  # Ed25519 over the file's BLAKE2b-512
NO_KDF = b"\0\0"
CHECKSUM = b"B2"
UNTRUSTED = "untrusted comment: "
TRUSTED = "trusted comment: "
MAX_TEXT_BYTES = 16 * 1024
MAX_COMMENT_CHARACTERS = 8_000
ID_BYTES, SEED_BYTES, SIGNATURE_BYTES = 8, 32, 64
SALT_AND_LIMITS = bytes(32 + 8 + 8)
_PUBLIC_BYTES = len(PLAIN) + ID_BYTES + SEED_BYTES
_SIGNED_BYTES = len(PLAIN) + ID_BYTES + SIGNATURE_BYTES
_SECRET_BYTES = 2 + 2 + 2 + len(SALT_AND_LIMITS) + ID_BYTES + 64 + 32


class MinisignError(ValueError):
    """A text is not a file of minisign; the message is the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An Ed25519 public key and the 8 bytes that name it."""

    id: bytes
    key: bytes

    @property
    def name(self) -> str:
        """The key's id as minisign prints it, 16 hexadecimal digits."""
        return key_name(self.id)

    @property
    def text(self) -> str:
        """The key as one line of base64, as in settings and `minisign -P`."""
        return _line(PLAIN + self.id + self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """An Ed25519 seed with its public key."""

    public: PublicKey
    seed: bytes

    def __repr__(self) -> str:
        return f"SecretKey({self.public.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature over a file, and one over itself and the trusted comment."""

    prehashed: bool
    key_id: bytes
    signature: bytes
    comment: str
    global_signature: bytes

    @property
    def key_name(self) -> str:
        """The id of the key that signed, as minisign prints it."""
        return key_name(self.key_id)

    @property
    def covered(self) -> bytes:
        """The bytes that the global signature covers."""
        return self.signature + self.comment.encode()


def key_name(key_id: bytes) -> str:
    """A key's id as minisign prints it: a little-endian number in hexadecimal."""
    return f"{int.from_bytes(key_id, 'little'):016X}"


def parse_public_key(text: str) -> PublicKey:
    """The key in a public key file, or in its line of base64 alone; raises MinisignError."""
    lines = [line for line in _lines(text) if line.strip()]
    if lines and lines[0].startswith(UNTRUSTED):
        lines = lines[1:]
    if len(lines) != 1:
        raise MinisignError("a public key is one line of base64, below its comment if there is one")
    raw = _raw(lines[0].strip(), _PUBLIC_BYTES, "public key")
    if raw[:2] != PLAIN:
        raise MinisignError(f"the key's algorithm is {raw[:2]!r}, expected {PLAIN!r}")
    return PublicKey(id=raw[2:10], key=raw[10:])


def format_public_key(key: PublicKey) -> str:
    """A public key file."""
    return f"{UNTRUSTED}minisign public key {key.name}\n{key.text}\n"


def parse_secret_key(text: str) -> SecretKey:
    """The key in a secret key file without a password; raises MinisignError."""
    lines = _lines(text)
    if len(lines) < 2 or not lines[0].startswith(UNTRUSTED):  # noqa: PLR2004  # comment and key
        raise MinisignError("a secret key file is a comment and one line of base64")
    raw = _raw(lines[1], _SECRET_BYTES, "secret key")
    if raw[:2] != PLAIN or raw[4:6] != CHECKSUM:
        raise MinisignError(f"the key's algorithms are {raw[:2]!r} and {raw[4:6]!r}")
    if raw[2:4] != NO_KDF:
        raise MinisignError("the secret key has a password, which is not supported")
    key_id, seed, public, checksum = raw[54:62], raw[62:94], raw[94:126], raw[126:]
    # minisign 0.11 writes no checksum for a key without a password.
    if checksum not in (_checksum(key_id, seed + public), bytes(32)):
        raise MinisignError("the secret key is damaged, its checksum is wrong")
    return SecretKey(public=PublicKey(id=key_id, key=public), seed=seed)


def format_secret_key(key: SecretKey) -> str:
    """A secret key file without a password."""
    pair = key.seed + key.public.key
    head = PLAIN + NO_KDF + CHECKSUM + SALT_AND_LIMITS
    line = _line(head + key.public.id + pair + _checksum(key.public.id, pair))
    return f"{UNTRUSTED}minisign encrypted secret key\n{line}\n"


def _checksum(key_id: bytes, pair: bytes) -> bytes:
    return hashlib.blake2b(PLAIN + key_id + pair, digest_size=32).digest()


def parse_signature(text: str) -> Signature:
    """The signature in a .minisig file; raises MinisignError."""
    lines = _lines(text)
    if len(lines) < 4 or not lines[0].startswith(UNTRUSTED):  # noqa: PLR2004  # the four lines
        raise MinisignError("a signature file has four lines, the first an untrusted comment")
    if not lines[2].startswith(TRUSTED):
        raise MinisignError(f"the third line does not begin with {TRUSTED!r}")
    if any(line.strip() for line in lines[4:]):
        raise MinisignError("the signature file has more than four lines")
    raw = _raw(lines[1], _SIGNED_BYTES, "signature")
    if raw[:2] not in (PLAIN, PREHASHED):
        raise MinisignError(f"the signature's algorithm is {raw[:2]!r}, expected 'Ed' or 'ED'")
    return Signature(
        prehashed=raw[:2] == PREHASHED,
        key_id=raw[2:10],
        signature=raw[10:],
        comment=lines[2].removeprefix(TRUSTED),
        global_signature=_raw(lines[3], SIGNATURE_BYTES, "global signature"),
    )


def format_signature(signature: Signature) -> str:
    """A .minisig file."""
    kind = PREHASHED if signature.prehashed else PLAIN
    return (
        f"{UNTRUSTED}signature from minisign secret key\n"
        f"{_line(kind + signature.key_id + signature.signature)}\n"
        f"{TRUSTED}{signature.comment}\n"
        f"{_line(signature.global_signature)}\n"
    )


def check_comment(comment: str) -> None:
    """Raise MinisignError unless a trusted comment is one line within the limit."""
    if len(comment) > MAX_COMMENT_CHARACTERS:
        limit = MAX_COMMENT_CHARACTERS
        raise MinisignError(f"the comment has {len(comment)} characters, the limit is {limit}")
    if not comment.isprintable() and not comment.replace("\t", "").isprintable():
        raise MinisignError("the comment has control characters")


def _lines(text: str) -> list[str]:
    if len(text) > MAX_TEXT_BYTES:
        raise MinisignError(f"{len(text)} characters, the limit is {MAX_TEXT_BYTES}")
    # Not splitlines: it would also split at characters that a comment may contain.
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _raw(line: str, size: int, what: str) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MinisignError(f"the {what} is not base64") from error
    if len(raw) != size:
        raise MinisignError(f"the {what} has {len(raw)} bytes, expected {size}")
    return raw


def _line(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
