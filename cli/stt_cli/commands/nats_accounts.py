"""`stt nats`: prints the accounts of nats-server for workers and people, and proves them."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stt_cli.accounts import files, plan
from stt_cli.accounts.keys import Key, Kind
from stt_cli.accounts.plan import Account
from stt_cli.accounts.printing import OPERATOR_SEED, Issue, Written, as_conf, as_jwt
from stt_cli.commands.doctor import As, print_lines
from stt_cli.doctor import access
from stt_cli.doctor.rights import Part
from stt_shared import clock
from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.command.client import coordinator
from stt_shared.command.options import Connection, Families, Output, load_settings, many
from stt_shared.command.output import OutputFormat
from stt_shared.command.tables import secret_uses
from stt_shared.errors import ConfigError, UsageError
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol.enums import Family
from stt_shared.settings import default_config_path

MAX_VALID_DAYS = 3_660
RELOAD = "reload each server and read its log: nats-server --signal reload"


class Format(StrEnum):
    """How accounts are printed."""

    CONF = "conf"
    JWT = "jwt"


Owner = Annotated[
    bool, Parameter(name="--stt", negative=(), help="The account of the coordinators.")
]
Site = Annotated[str | None, Parameter(help="Site of the worker.")]
Worker = Annotated[str | None, Parameter(help="Name of the worker.")]
People = Annotated[
    bool,
    Parameter(negative=(), help="The accounts of operators, viewers and event subscribers."),
]
Subscribers = Annotated[
    tuple[str, ...], many("With --people: consumers of events; see coordinator.subscribers.")
]
Leaf = Annotated[
    str | None,
    Parameter(
        help="The worker connects through a leaf node that links to this address of the hub."
    ),
]
Gate = Annotated[
    str | None,
    Parameter(help="With --stt: for a gate before an older server, by its address for leaf nodes."),
]
Form = Annotated[Format, Parameter(name="--format", help="conf: text; jwt: operator mode.")]
Keys = Annotated[Path, Parameter(help="Folder of the secrets; files that exist are used again.")]
Out = Annotated[Path | None, Parameter(help="Write the text to this file instead of printing it.")]
OperatorKey = Annotated[
    Path | None,
    Parameter(help="jwt: file with the operator's seed; without it claims are unsigned."),
]
Operator = Annotated[
    bool,
    Parameter(
        negative=(),
        help="jwt: the operator and its system account as well, as the text of a server.",
    ),
]
ValidDays = Annotated[int, Parameter(help="jwt: days that credentials are valid; 0: for ever.")]


def add(app: App) -> None:
    """Add `nats` and its commands to `app`."""
    nats = add_noun(app, "nats", "Accounts of nats-server for coordinators, workers, people", TOOL)
    add_command(
        nats,
        config,
        name="config",
        access="rw",
        summary="Print accounts for nats-server and write their secrets into files",
        examples=(
            "stt nats config --stt --keys /etc/stt/keys > stt.conf",
            "stt nats config --site eu --worker w1 --families mysql,postgresql > eu-w1.conf",
            "stt nats config --people > people.conf",
            "stt nats config --format jwt --operator --stt --people > operator.conf",
        ),
    )

    add_command(
        nats,
        check,
        name="check",
        access="ro",
        summary="Check with requests what a user of NATS may do, and what it may not",
        examples=(
            "stt nats check",
            "stt nats check --config /etc/stt/worker.toml",
            "stt nats check --as viewer --nats-nkey keys/STT-view.nk",
        ),
    )


async def check(
    *,
    part: As = None,
    subscriber: Subscribers = ("events",),
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> int:
    """Print one line for what must work and one for what must not; returns the exit code.

    Changes nothing: each message is one that its receiver rejects.
    """
    given = connection or Connection()
    settings = load_settings(given)
    path = (given.config or default_config_path()).expanduser()
    uses = secret_uses(path) if path.exists() else ()
    own = part or (Part.WORKER if uses else Part.OPERATOR)
    imports = access.crossings(own, settings, uses, subscriber)
    if not imports:
        raise UsageError("a coordinator owns all streams: its user has no border to check")
    async with coordinator(given) as control:
        lines = [
            await access.works(control.bus, own, imports),
            await access.border(control.bus, own, imports),
        ]
    return print_lines(lines, form)


def config(
    *,
    stt: Owner = False,
    site: Site = None,
    worker: Worker = None,
    families: Families = (),
    people: People = False,
    subscriber: Subscribers = ("events",),
    leaf: Leaf = None,
    gate: Gate = None,
    form: Form = Format.CONF,
    keys: Keys = Path(),
    out: Out = None,
    operator: Operator = False,
    operator_key: OperatorKey = None,
    valid_days: ValidDays = 90,
) -> None:
    """Print the accounts; secrets go to files that only their owner can read.

    Raises UsageError for options that do not fit, ConfigError for a file that cannot be used.
    """
    _check(leaf, worker, valid_days)
    if gate is not None and (form is Format.JWT or not stt or worker is not None or people):
        raise UsageError("--gate is for --stt alone, in --format conf")
    if operator and (form is not Format.JWT or not stt):
        raise UsageError("--operator is for --stt, in --format jwt")
    accounts: list[Account] = [plan.system()] if operator else []
    accounts += [plan.gate() if gate is not None else plan.owner()] if stt else []
    if site is not None or worker is not None:
        accounts.append(_worker(site, worker, families, leaf=leaf is not None))
    if people:
        accounts += plan.people(subscriber)
    if not accounts:
        raise UsageError("nothing to print: expected --stt, --site with --worker, or --people")
    if form is Format.CONF:
        _print(as_conf(accounts, keys, leaf or gate or ""), out)
        return
    signer = _signer(keys, operator_key, made_here=operator)
    if leaf is not None and signer is None:
        raise UsageError("--leaf with --format jwt needs --operator-key: the leaf node trusts it")
    valid = timedelta(days=valid_days)
    issue = Issue(now=clock.now(), valid=valid, operator=signer, whole=operator)
    _print(as_jwt(accounts, keys, issue, leaf or ""), out)


def _signer(folder: Path, path: Path | None, *, made_here: bool) -> Key | None:
    """The operator's key; with `made_here` it is made if its file does not exist.

    Raises ConfigError for a file that cannot be used.
    """
    if made_here:
        return files.key_of(path or folder / OPERATOR_SEED, Kind.OPERATOR)
    if path is None:
        return None
    found = files.read(path, Kind.OPERATOR)
    if found is None:
        raise ConfigError(f"{path} is missing")
    return found


def _check(leaf: str | None, worker: str | None, valid_days: int) -> None:
    if leaf is not None and worker is None:
        raise UsageError("--leaf is for a worker: expected --site, --worker and --families")
    if not 0 <= valid_days <= MAX_VALID_DAYS:
        raise UsageError(f"--valid-days is {valid_days}, expected 0 to {MAX_VALID_DAYS}")


def _worker(
    site: str | None, worker: str | None, families: tuple[Family, ...], *, leaf: bool
) -> Account:
    for name, value in (("--site", site), ("--worker", worker)):
        if value is None or not is_token(value):
            shown = "missing" if value is None else f"{value!r:.80}"
            raise UsageError(f"{name} is {shown}, expected {TOKEN_RULE}")
    if not families:
        raise UsageError(f"--families is missing, expected some of {', '.join(Family)}")
    return plan.worker(str(site), str(worker), families, leaf=leaf)


def _print(written: Written, out: Path | None) -> None:
    if out is None:
        output.print_text(written.text)
    else:
        files.replace(out, written.text)
    for path in written.secrets:
        output.note(f"secret: {path}")
    output.note(RELOAD)
