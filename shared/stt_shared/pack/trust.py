"""Decide whether a pack may run: signature, name, expiry and serial against the trust policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stt_shared import clock
from stt_shared.identity import digest
from stt_shared.pack.archive import Pack, decode
from stt_shared.pack.manifest import PackError
from stt_shared.pack.minisign import MinisignError, PublicKey, Signature, parse_signature
from stt_shared.pack.signing import verifies


class Reason(StrEnum):
    """Why a pack is rejected; a closed set."""

    UNSIGNED = "unsigned"  # no signature, and unsigned packs are not allowed
    UNKNOWN_KEY = "unknown_key"  # no trusted key has the id of the signing key
    TAMPERED = "tampered"  # the signature does not match the bytes or the comment
    MALFORMED = "malformed"  # signature or pack cannot be read
    WRONG_NAME = "wrong_name"  # signed for another name
    EXPIRED = "expired"
    ROLLED_BACK = "rolled_back"  # its serial is lower than the last accepted one


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which packs are trusted: signing keys, the name of the pack, and unsigned ones."""

    keys: tuple[PublicKey, ...]
    name: str
    allow_unsigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A pack that may run; `key` is the name of the signing key, empty if unsigned."""

    pack: Pack
    digest: str
    key: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A pack that may not run; `detail` is a sentence."""

    reason: Reason
    detail: str

    @property
    def sentence(self) -> str:
        """The name of the reason, and the detail."""
        return f"{self.reason}: {self.detail}"

    def __str__(self) -> str:
        return f"untrusted pack: {self.sentence}"


Verdict = Accepted | Refused


def verify(
    data: bytes, signature: str | None, policy: Policy, *, now: datetime, last_serial: int
) -> Verdict:
    """Whether the pack file `data` may run at `now`, after serial `last_serial`; never raises.

    The pack is not parsed before its signature is verified. Of an allowed unsigned pack neither
    name nor expiry nor serial is checked.
    """
    if signature is None:
        return _unsigned(data, policy)
    try:
        signed = parse_signature(signature)
    except MinisignError as error:
        return Refused(reason=Reason.MALFORMED, detail=f"the signature cannot be read, {error}")
    # Before decode: bytes of an unknown origin must not reach the parsers of tar and JSON.
    if refused := _untrusted(data, signed, policy):
        return refused
    try:
        pack = decode(data)
    except PackError as error:
        return Refused(reason=Reason.MALFORMED, detail=str(error))
    if refused := stale(pack, policy, now=now, last_serial=last_serial):
        return refused
    return Accepted(pack=pack, digest=digest(data), key=signed.key_name, comment=signed.comment)


def _unsigned(data: bytes, policy: Policy) -> Verdict:
    if not policy.allow_unsigned:
        return Refused(reason=Reason.UNSIGNED, detail="it has no signature")
    try:
        return Accepted(pack=decode(data), digest=digest(data))
    except PackError as error:
        return Refused(reason=Reason.MALFORMED, detail=str(error))


def _untrusted(data: bytes, signed: Signature, policy: Policy) -> Refused | None:
    trusted = [key for key in policy.keys if key.id == signed.key_id]
    if not trusted:
        known = ", ".join(key.name for key in policy.keys) or "none"
        detail = f"signed by key {signed.key_name}, trusted keys: {known}"
        return Refused(reason=Reason.UNKNOWN_KEY, detail=detail)
    if not any(verifies(data, signed, key) for key in trusted):
        detail = f"the signature of key {signed.key_name} does not match the pack"
        return Refused(reason=Reason.TAMPERED, detail=detail)
    return None


def stale(pack: Pack, policy: Policy, *, now: datetime, last_serial: int) -> Refused | None:
    """Why a pack with a valid signature may not run now; None if it may."""
    manifest = pack.manifest
    if manifest.name != policy.name:
        detail = f"its name is {manifest.name!r}, expected {policy.name!r}"
        return Refused(reason=Reason.WRONG_NAME, detail=detail)
    if now >= manifest.expires:
        detail = f"{pack.label} expired at {clock.to_text(manifest.expires)}"
        return Refused(reason=Reason.EXPIRED, detail=detail)
    if manifest.serial < last_serial:
        detail = f"its serial is {manifest.serial}, the last accepted was {last_serial}"
        return Refused(reason=Reason.ROLLED_BACK, detail=detail)
    return None
