"""Options that several commands share, and the settings made from them."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar, get_args

from cyclopts import Group, Parameter, Token

from stt_shared import settings
from stt_shared.command.gate import FailOn
from stt_shared.command.output import OutputFormat
from stt_shared.protocol.enums import Family, Severity

T = TypeVar("T", bound=str)
CONNECTION = Group("Connection (flag, then environment, then file)", sort_key=90)

Output = Annotated[
    OutputFormat,
    Parameter(name=["--output", "-o"], help="How data is printed on stdout."),
]
FailOnOption = Annotated[
    FailOn,
    Parameter(name="--fail-on", help="Least severity that makes the exit code 1."),
]
AllowIncomplete = Annotated[
    bool,
    Parameter(
        name="--allow-incomplete",
        negative=(),
        help="Do not exit with 3 when a check could not be evaluated.",
    ),
]


@Parameter(name="*", group=CONNECTION)
@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The options of the connection to NATS; None where an option was not given."""

    config: Annotated[Path | None, Parameter(help="Configuration file (TOML).")] = None
    nats_url: Annotated[
        str | None, Parameter(help="Addresses of NATS, comma-separated (STT_NATS_URL).")
    ] = None
    nats_creds: Annotated[
        str | None, Parameter(help="Credentials file of NATS (STT_NATS_CREDS).")
    ] = None
    nats_nkey: Annotated[
        str | None, Parameter(help="File with the seed of an NKEY (STT_NATS_NKEY).")
    ] = None
    nats_ca: Annotated[str | None, Parameter(help="CA file for TLS to NATS (STT_NATS_CA).")] = None
    nats_timeout_s: Annotated[
        float | None, Parameter(help="Seconds to wait for an answer (STT_NATS_TIMEOUT_S).")
    ] = None

    def flags(self) -> dict[str, object]:
        """The options by the names of their settings; None where one was not given."""
        return {
            "nats.url": self.nats_url,
            "nats.creds": self.nats_creds,
            "nats.nkey": self.nats_nkey,
            "nats.ca": self.nats_ca,
            "nats.timeout_s": self.nats_timeout_s,
        }


def load_settings(connection: Connection, **more: object) -> settings.Settings:
    """All settings with the given options; raises ConfigError with every fault.

    `more` are further options, with a double underscore for the dot: `log__level="debug"`.
    """
    flags = connection.flags() | {name.replace("__", "."): value for name, value in more.items()}
    return settings.load(flags=flags, environ=os.environ, path=connection.config)


def user_name() -> str:
    """The name of the operating system's user, or `unknown`."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"


def _split(kind: type[tuple[T, ...]], tokens: Sequence[Token]) -> tuple[T, ...]:
    """Values separated by commas, in any number of repeated options."""
    member: type[T] = get_args(kind)[0]
    texts = [text for token in tokens for text in token.value.split(",") if text]
    return tuple(_member(member, text) for text in texts)


def _member(kind: type[T], text: str) -> T:
    if not issubclass(kind, StrEnum):
        return kind(text)
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{text!r} is not one of {', '.join(kind)}") from None


def many(help_text: str) -> Parameter:
    """An option that may be repeated and accepts comma-separated values; empty means all."""
    return Parameter(help=help_text, converter=_split, n_tokens=1, negative=(), show_default=False)


Severities = Annotated[tuple[Severity, ...], many("Only these severities.")]
Families = Annotated[tuple[Family, ...], many("Only these types of database.")]
Sites = Annotated[tuple[str, ...], many("Only these sites.")]
Targets = Annotated[tuple[str, ...], many("Only these databases.")]
Checks = Annotated[tuple[str, ...], many("Only these checks.")]
SitePatterns = Annotated[tuple[str, ...], many("Only these sites, as eu-west or eu-*.")]
TargetPatterns = Annotated[tuple[str, ...], many("Only these databases, as orders-1 or orders-*.")]
CheckPatterns = Annotated[
    tuple[str, ...], many("Only these checks, as mysql_empty_password or mysql_*.")
]
Labels = Annotated[tuple[str, ...], many("Only databases with this label, as team=finance.")]
By = Annotated[
    str, Parameter(help="Recorded as requester; default: the user's name.", show_default=False)
]
Reason = Annotated[str, Parameter(help="Why, for the audit log (optional).", show_default=False)]
