"""The secrets of targets: references whose failure is an outcome of an inspection."""

from __future__ import annotations

from collections.abc import Mapping

from stt_shared.protocol.enums import Kind
from stt_shared.secret_references import reference
from stt_shared.secret_references.reference import NO_SECRET, Secret, SecretError, parse
from stt_worker.databases.port import InspectionError

__all__ = ["NO_SECRET", "Secret", "parse", "resolve"]


async def resolve(secret: Secret, environ: Mapping[str, str] | None = None) -> str:
    """The value of `secret`, without one trailing line break.

    Raises InspectionError (config) with the reference, never with the value.
    """
    try:
        return await reference.resolve(secret, environ)
    except SecretError as error:
        raise InspectionError(Kind.CONFIG, error.message) from error
