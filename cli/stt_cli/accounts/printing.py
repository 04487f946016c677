"""Print accounts in either format, and write what belongs to nobody's terminal into files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from stt_cli.accounts import claims, conf, files, jwt, keys
from stt_cli.accounts.keys import Key, Kind
from stt_cli.accounts.plan import SYSTEM, Account
from stt_shared.errors import ConfigError, UsageError
from stt_shared.protocol.accounts import OWNER

SEED, CREDS = ".nk", ".creds"
ACCOUNT_SEED = ".account.nk"
OPERATOR_SEED = "STT.operator.nk"
GATE_HEADER = "# the rest of the gate's configuration; its link logs in to the older server:\n"
LEAF_HEADER = "# the configuration of the leaf node; the included file lies beside it:\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The text to print, and the files with secrets that it needs."""

    text: str
    secrets: tuple[Path, ...]


def as_conf(accounts: Iterable[Account], folder: Path, leaf_url: str = "") -> Written:
    """Blocks for `accounts { }`; a key whose file exists is used again.

    With `leaf_url`, the address of the hub or the older server for leaf nodes, the text of the leaf
    node or of the gate follows.
    """
    blocks: list[str] = []
    secrets: list[Path] = []
    for account in accounts:
        paths = {user.file: folder / f"{user.file}{SEED}" for user in account.users}
        public = {name: files.key_of(path, Kind.USER).public for name, path in paths.items()}
        secrets += paths.values()
        blocks.append(conf.text(account, public))
        if leaf_url and account.owner:
            blocks.append(GATE_HEADER + conf.gate_text(leaf_url))
        elif leaf_url and account.leaf:
            seed = paths[account.users[-1].file]
            # The key of the link in the form that a leaf node includes, beside its seed.
            link = seed.with_suffix(".conf")
            if not link.exists():
                files.write(link, f"nkey: {files.key_of(seed, Kind.USER).seed}\n")
            secrets.append(link)
            blocks.append(LEAF_HEADER + conf.leaf_text(account, public, leaf_url))
    return Written(text="\n".join(blocks), secrets=tuple(secrets))


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """When claims are issued, until when credentials are valid, and who signs accounts.

    `whole` is whether the operator itself is printed, as the configuration of a server.
    """

    now: datetime
    valid: timedelta
    operator: Key | None
    whole: bool = False

    @property
    def issued(self) -> int:
        """Seconds since 1970."""
        return int(self.now.timestamp())

    @property
    def expires(self) -> int:
        """Seconds since 1970; 0 for never."""
        return int((self.now + self.valid).timestamp()) if self.valid else 0


def as_jwt(accounts: Sequence[Account], folder: Path, issue: Issue, leaf_url: str = "") -> Written:
    """A line `KEY: JWT` for each account, as in `resolver_preload`, and its credentials files.

    Without an operator's key the claims are printed unsigned. With `issue.whole` the lines stand in
    the configuration of a server; with `leaf_url`, the address of the hub for leaf nodes, the
    configuration of the leaf node follows. Raises ConfigError if the key of the account STT is
    missing, which signs the imports, UsageError for credentials that exist.
    """
    owner = _owner(accounts, folder)
    lines: list[str] = []
    leaves: list[str] = []
    secrets: list[Path] = []
    for account in accounts:
        path = folder / f"{account.name}{ACCOUNT_SEED}"
        key = owner if account.owner else files.key_of(path, Kind.ACCOUNT)
        made = claims.account(account, key, owner, issue.issued)
        signed = jwt.signed(made, issue.operator) if issue.operator else json.dumps(made, indent=2)
        lines += [f"# {account.name}", f"{key.public}: {signed}" if issue.operator else signed]
        secrets += [path, *_users(account, key, folder, issue)]
        if account.leaf and issue.operator:
            leaves.append(LEAF_HEADER + _leaf(account, key, issue.operator, issue.issued, leaf_url))
    text = "\n".join(lines) + "\n"
    if issue.whole and issue.operator:
        text = _whole(text, folder, issue.operator, issue.issued)
    return Written(text="\n".join((text, *leaves)), secrets=tuple(secrets))


def _whole(accounts: str, folder: Path, operator: Key, issued: int) -> str:
    system = files.key_of(folder / f"{SYSTEM}{ACCOUNT_SEED}", Kind.ACCOUNT)
    made = jwt.signed(claims.operator(operator, issued, system), operator)
    return conf.operator_text(made, system.public, accounts)


def _leaf(account: Account, key: Key, operator: Key, issued: int, url: str) -> str:
    there = jwt.signed(claims.account_at_leaf(account, key, issued), operator)
    creds = f"{account.users[-1].file}{CREDS}"
    trusted = jwt.signed(claims.operator(operator, issued), operator)
    return conf.leaf_operator_text(trusted, key.public, there, url, creds)


def _owner(accounts: Sequence[Account], folder: Path) -> Key:
    path = folder / f"{OWNER}{ACCOUNT_SEED}"
    if any(account.owner for account in accounts):
        return files.key_of(path, Kind.ACCOUNT)
    found = files.read(path, Kind.ACCOUNT)
    if found is None:
        hint = "print that account first: stt nats config --stt --format jwt"
        raise ConfigError(
            f"{path} is missing: the key of the account {OWNER} signs imports", hint=hint
        )
    return found


def _users(account: Account, key: Key, folder: Path, issue: Issue) -> list[Path]:
    found: list[Path] = []
    for user in account.users:
        path, own = folder / f"{user.file}{CREDS}", keys.new(Kind.USER)
        # Never overwritten: the credentials that are there may be in use.
        if path.exists():
            hint = "move it away to have new credentials made"
            raise UsageError(f"{path} exists already", hint=hint)
        made = claims.user(user, own, issued=issue.issued, expires=issue.expires)
        files.write(path, jwt.creds(jwt.signed(made, key), own.seed))
        found.append(path)
    return found
