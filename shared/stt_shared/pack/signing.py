"""Ed25519 with keys of minisign: sign bytes, verify a signature, make a key."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stt_shared.pack.minisign import (
    ID_BYTES,
    SEED_BYTES,
    PublicKey,
    SecretKey,
    Signature,
    check_comment,
)


def make_key() -> SecretKey:
    """A new key with a random id."""
    seed = secrets.token_bytes(SEED_BYTES)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return SecretKey(public=PublicKey(id=secrets.token_bytes(ID_BYTES), key=public), seed=seed)


def sign(data: bytes, key: SecretKey, comment: str, *, prehashed: bool = True) -> Signature:
    """Sign `data` and the trusted `comment`; raises MinisignError as `check_comment`."""
    check_comment(comment)
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    signature = private.sign(_message(data, prehashed=prehashed))
    return Signature(
        prehashed=prehashed,
        key_id=key.public.id,
        signature=signature,
        comment=comment,
        global_signature=private.sign(signature + comment.encode()),
    )


def verifies(data: bytes, signature: Signature, key: PublicKey) -> bool:
    """Whether `key` signed both these bytes and the trusted comment."""
    if signature.key_id != key.id:
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(key.key)
        public.verify(signature.signature, _message(data, prehashed=signature.prehashed))
        public.verify(signature.global_signature, signature.covered)
    except (InvalidSignature, ValueError):  # ValueError: the key is not a point on the curve
        return False
    return True


def _message(data: bytes, *, prehashed: bool) -> bytes:
    return hashlib.blake2b(data).digest() if prehashed else data
