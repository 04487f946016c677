"""Make key pairs of NATS and read their public names from their seeds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import nkeys

SEED_BYTES = 32
_NKEYS: Any = nkeys  # the package has no types


class Kind(Enum):
    """What a key names; the value is the prefix in the encoding of NATS."""

    OPERATOR = nkeys.PREFIX_BYTE_OPERATOR
    ACCOUNT = nkeys.PREFIX_BYTE_ACCOUNT
    USER = nkeys.PREFIX_BYTE_USER


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair; `seed` is the secret that makes it, `public` names it."""

    public: str
    seed: str = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature of `data`."""
        pair: Any = _NKEYS.from_seed(bytearray(self.seed.encode()))
        return bytes(pair.sign(data))


def new(kind: Kind) -> Key:
    """A fresh key pair."""
    encoded: Any = _NKEYS.encode_seed(os.urandom(SEED_BYTES), kind.value)
    return of_seed(bytes(encoded).decode(), kind)


def of_seed(seed: str, kind: Kind) -> Key:
    """The key pair of `seed`; raises ValueError if it is not a seed of that kind."""
    try:
        prefix, _ = _NKEYS.decode_seed(bytearray(seed.encode()))
        pair: Any = _NKEYS.from_seed(bytearray(seed.encode()))
        public = bytes(pair.public_key).decode()
    except (nkeys.NkeysError, ValueError, TypeError) as error:
        raise ValueError(f"not the seed of a NATS {kind.name.lower()}") from error
    if prefix != kind.value:
        raise ValueError(f"the seed is not that of a NATS {kind.name.lower()}")
    return Key(public, seed)
