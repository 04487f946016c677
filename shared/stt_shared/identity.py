"""Make ids: those of runs, jobs, findings and checks are derived, a nonce is random."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

TOKEN = re.compile(r"[a-z0-9_-]{1,64}")
MAX_CHARACTERS = 64  # of a token
TOKEN_RULE = "1 to 64 of a-z, 0-9, underscore and hyphen"  # noqa: S105  # a rule, no secret
_FINDING_ID_CHARACTERS = 12
_NONCE_BYTES = 16


def is_token(text: str) -> bool:
    """Whether `text` is a valid token of a subject."""
    return TOKEN.fullmatch(text) is not None


def token_of(text: str, otherwise: str) -> str:
    """`text` converted to a subject token; `otherwise` if nothing of it remains."""
    token = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:MAX_CHARACTERS].rstrip("-")
    return token if is_token(token) else otherwise


def slot_token(slot: datetime) -> str:
    """The planned time of a run as a subject token, e.g. `20261123t160000z`."""
    return slot.astimezone(UTC).strftime("%Y%m%dt%H%M%Sz")


def run_id(schedule: str, slot: datetime) -> str:
    """The id of the run of a slot; every coordinator derives the same id."""
    return f"{schedule}-{slot_token(slot)}"


def job_id(run: str, target: str) -> str:
    """The id of a target's job in a run; contains a dot, so it is never a subject token."""
    return f"{run}.{target}"


def new_nonce() -> str:
    """A random value of one dispatch of a job, which nobody can guess."""
    return secrets.token_hex(_NONCE_BYTES)


def digest(content: bytes) -> str:
    """The SHA-256 of `content` in lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def finding_key(check_object: str | None, summary: str, labels: Mapping[str, str]) -> str:
    """The key of a finding among those of its check on its target.

    The object if the script names it; otherwise a digest of summary and labels, which does not
    depend on the position of the finding in the list.
    """
    if check_object is not None:
        return check_object
    words = json.dumps([summary, sorted(labels.items())], ensure_ascii=False)
    return "~" + hashlib.sha256(words.encode()).hexdigest()[:16]


def exception_id(scope: str, created: datetime) -> str:
    """The public id of a suppression: `x_` and twelve base-32 characters."""
    raw = hashlib.sha256(f"{scope}\x00{created.astimezone(UTC).isoformat()}".encode()).digest()
    return "x_" + base64.b32encode(raw).decode().lower()[:_FINDING_ID_CHARACTERS]


def finding_id(target: str, check: str, key: str) -> str:
    """The stable public id of a finding: `f_` and twelve base-32 characters."""
    raw = hashlib.sha256(f"{target}\x00{check}\x00{key}".encode()).digest()
    return "f_" + base64.b32encode(raw).decode().lower()[:_FINDING_ID_CHARACTERS]
