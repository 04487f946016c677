"""Accounts as text of nats-server, to stand inside of `accounts { }`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stt_cli.accounts.plan import (
    API,
    HUB_API,
    MAX_WORKER_PAYLOAD,
    MAX_WORKER_SUBSCRIPTIONS,
    Account,
    User,
)
from stt_shared.protocol.accounts import OWNER, Crossing, Kind


def text(account: Account, public: Mapping[str, str]) -> str:
    """The block of an account; `public` maps the files of its users to their public keys."""
    parts = [f"users: [ {', '.join(_user(user, public) for user in account.users)} ]"]
    if account.owner and not account.leaf:
        parts.insert(0, "jetstream: enabled")
    parts.append(f"limits: {{ {_limits(account)} }}")
    if account.exports:
        parts.append(_block("exports", map(_export, account.exports)))
    if account.imports:
        imports = [_import(one) for one in account.imports]
        imports += [_import(one, name) for one, name in account.renamed]
        parts.append(_block("imports", imports))
    inner = "\n".join(f"  {part}" for part in parts)
    return f'"{account.name}": {{\n{inner}\n}}\n'


def leaf_text(account: Account, public: Mapping[str, str], url: str) -> str:
    """The configuration of a leaf node at the worker's site; it includes the key of its link."""
    user = User(file=account.users[0].file)
    remote = f'url: "{url}", account: "{account.name}"'
    mapping = f'mappings: {{ "{API}>": "{HUB_API}>" }}'
    return (
        f"accounts {{\n"
        f'  "{account.name}": {{ users: [ {_user(user, public)} ], {mapping} }}\n'
        f"}}\n"
        # The server takes no file of a seed here, and includes only what lies beside this text.
        f"leafnodes {{ remotes: [ {{\n"
        f"  {remote}\n"
        f'  include "{account.users[-1].file}.conf"\n'
        f"}} ] }}\n"
    )


def operator_text(operator: str, system: str, accounts: str) -> str:
    """The part of a server's configuration that is operator mode: whom it trusts, and accounts.

    `operator` is a JWT, `system` the public key of the system account, `accounts` has a line
    `KEY: JWT` for each account, of which the system account is one.
    """
    return (
        f"operator: {operator}\n"
        f"system_account: {system}\n"
        "resolver: MEMORY\n"
        f"resolver_preload {{\n{accounts}}}\n"
    )


def leaf_operator_text(operator: str, account: str, jwt: str, url: str, creds: str) -> str:
    """The configuration of a leaf node in operator mode at the worker's site.

    `operator` is a JWT, and `jwt` the account with the public key `account` as the leaf node needs
    it; `creds` is the file of the link's credentials, beside this text.
    """
    return (
        f"operator: {operator}\n"
        "resolver: MEMORY\n"
        f"resolver_preload {{\n{account}: {jwt}\n}}\n"
        f"leafnodes {{ remotes: [ {{\n"
        f'  url: "{url}", account: {account}, credentials: "{creds}"\n'
        f"}} ] }}\n"
    )


def gate_text(url: str) -> str:
    """The configuration of a gate besides its accounts: the link to the server with the streams."""
    return (
        "jetstream: disabled\n"
        f'leafnodes {{ remotes: [ {{ url: "{url}", account: {OWNER} }} ] }}\n'
        # Without it the server keeps calls of the JetStream API on its side of the link.
        f'default_js_domain: {{ {OWNER}: "" }}\n'
    )


def _user(user: User, public: Mapping[str, str]) -> str:
    only = f', allowed_connection_types: ["{user.connection}"]' if user.connection else ""
    return f"{{ nkey: {public[user.file]}{only} }}"


def _limits(account: Account) -> str:
    # Without it the key of any user of the account opens a link of a leaf node, which may do more.
    found = [f"max_leafnodes: {1 if account.leaf else 0}"]
    if account.bounded:
        found += [
            f"max_connections: {account.connections}",
            f"max_subscriptions: {MAX_WORKER_SUBSCRIPTIONS}",
            f"max_payload: {MAX_WORKER_PAYLOAD}",
        ]
    return ", ".join(found)


def _block(name: str, lines: Iterable[str]) -> str:
    return f"{name}: [\n" + "\n".join(f"    {line}" for line in lines) + "\n  ]"


def _export(one: Crossing) -> str:
    if one.kind is Kind.STREAM:
        return f'{{ stream: "{one.subject}" }}'
    answers = ", response_type: stream" if one.kind is Kind.ANSWERS else ""
    return f'{{ service: "{one.subject}"{answers} }}'


def _import(one: Crossing, name: str = "") -> str:
    kind = "stream" if one.kind is Kind.STREAM else "service"
    to = f', to: "{name}"' if name else ""
    return f'{{ {kind}: {{ account: {OWNER}, subject: "{one.subject}" }}{to} }}'
