"""Accounts as claims of NATS in operator mode: exports, imports with activations, limits."""

from __future__ import annotations

from typing import Any

from stt_cli.accounts import jwt
from stt_cli.accounts.jwt import UNLIMITED, Claims
from stt_cli.accounts.keys import Key
from stt_cli.accounts.plan import (
    API,
    HUB_API,
    MAX_WORKER_PAYLOAD,
    MAX_WORKER_SUBSCRIPTIONS,
    Account,
    User,
)
from stt_shared.protocol.accounts import Crossing, Kind

_STORES = ("mem_storage", "disk_storage", "streams", "consumer")


def operator(key: Key, issued: int, system: Key | None = None) -> Claims:
    """The claims of an operator, which it signs itself; `system` is its system account."""
    body = {} if system is None else {"system_account": system.public}
    return jwt.claims("operator", key.public, "STT", body, issued=issued)


def account(one: Account, key: Key, owner: Key, issued: int) -> Claims:
    """The claims of an account; its imports carry activations that `owner`, of STT, signs."""
    crossings = [(crossing, "") for crossing in one.imports]
    body: dict[str, Any] = {
        "limits": _limits(one),
        "default_permissions": {"pub": {}, "sub": {}},
        "exports": [_export(crossing) for crossing in one.exports],
        "imports": [
            _import(crossing, name, key, owner, issued)
            for crossing, name in (*crossings, *one.renamed)
        ],
    }
    return jwt.claims("account", key.public, one.name, body, issued=issued)


def account_at_leaf(one: Account, key: Key, issued: int) -> Claims:
    """The claims of an account for the leaf node that links to it: the hub has its imports."""
    body: dict[str, Any] = {
        "limits": _limits(one),
        "default_permissions": {"pub": {}, "sub": {}},
        # A list of weighted subjects for each one; without a weight all goes there.
        "mappings": {f"{API}>": [{"subject": f"{HUB_API}>"}]},
    }
    return jwt.claims("account", key.public, one.name, body, issued=issued)


def _limits(one: Account) -> dict[str, Any]:
    limits: dict[str, Any] = jwt.unlimited() | {
        "imports": UNLIMITED,
        "exports": UNLIMITED,
        "wildcards": True,
        "conn": UNLIMITED,
        # Otherwise the key of any user of the account opens a link, which may do more.
        "leaf": int(one.leaf),
    }
    if one.bounded:
        limits |= {
            "conn": one.connections,
            "subs": MAX_WORKER_SUBSCRIPTIONS,
            "payload": MAX_WORKER_PAYLOAD,
        }
    if one.owner:
        limits |= dict.fromkeys(_STORES, UNLIMITED)
    return limits


def user(one: User, key: Key, *, issued: int, expires: int) -> Claims:
    """The claims of a user; `expires` is in seconds since 1970."""
    body: dict[str, Any] = jwt.unlimited() | {"pub": {}, "sub": {}}
    if one.connection:
        body["allowed_connection_types"] = [one.connection]
    return jwt.claims("user", key.public, one.file, body, issued=issued, expires=expires)


def _type(one: Crossing) -> str:
    return "stream" if one.kind is Kind.STREAM else "service"


def _export(one: Crossing) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": one.subject,
        "subject": one.subject,
        "type": _type(one),
        # Private: other accounts of the operator import only what STT has signed for them.
        "token_req": True,
    }
    if one.kind is not Kind.STREAM:
        made["response_type"] = "Stream" if one.kind is Kind.ANSWERS else "Singleton"
    return made


def _import(one: Crossing, name: str, key: Key, owner: Key, issued: int) -> dict[str, Any]:
    """The import of `one`, under `name` where that is another."""
    body = {"subject": one.subject, "kind": _type(one)}
    activation = jwt.claims("activation", key.public, one.subject, body, issued=issued)
    made: dict[str, Any] = {
        "name": name or one.subject,
        "subject": one.subject,
        "account": owner.public,
        "type": _type(one),
        "token": jwt.signed(activation, owner),
    }
    return made | {"local_subject": name} if name else made
