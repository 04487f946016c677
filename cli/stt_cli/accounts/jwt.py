"""Sign the claims of NATS: operator, account, activation and user, and write credentials files."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from stt_cli.accounts.keys import Key

HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
VERSION = 2
UNLIMITED = -1
CREDS = """\
-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
The seed below is a secret: whoever has it may act as this user.

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------

*************************************************************
"""
Claims = dict[str, Any]


def claims(
    kind: str, subject: str, name: str, body: Mapping[str, Any], *, issued: int, expires: int = 0
) -> Claims:
    """Claims of `kind` about the public key `subject`; times are seconds since 1970, 0: never."""
    made: Claims = {
        "iat": issued,
        "name": name,
        "sub": subject,
        "nats": {**body, "type": kind, "version": VERSION},
    }
    return made | {"exp": expires} if expires else made


def signed(claims: Claims, key: Key) -> str:
    """The JWT of `claims`, signed and issued by `key`."""
    whole = claims | {"iss": key.public}
    body = json.dumps(whole, sort_keys=True).encode()
    whole["jti"] = base64.b32encode(hashlib.sha256(body).digest()).decode().rstrip("=")
    text = f"{_part(HEADER)}.{_part(whole)}"
    return f"{text}.{_encoded(key.sign(text.encode()))}"


def creds(jwt: str, seed: str) -> str:
    """The content of a credentials file."""
    return CREDS.format(jwt=jwt, seed=seed)


def unlimited() -> dict[str, Any]:
    """The limits of a user without any."""
    return {"subs": UNLIMITED, "data": UNLIMITED, "payload": UNLIMITED}


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
