"""The tables of a settings file that belong to a half, checked together with the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stt_shared.command.options import Connection, load_settings
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family
from stt_shared.settings import Settings, default_config_path

Check = Callable[[Path], None]
_CHECKS: dict[str, Check] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretUse:
    """Where the password of `owner` is: `scheme` env, file, cred, exec, plain or none.

    `rest` is the path of a file, the name of a variable; never a value.
    """

    owner: str
    family: Family
    scheme: str
    rest: str = ""


Uses = Callable[[Path], tuple[SecretUse, ...]]
_USES: dict[str, Uses] = {}


def secrets_of(table: str, uses: Uses) -> None:
    """Register a function that lists the secrets of a table; it raises ConfigError."""
    _USES[table] = uses


def secret_uses(path: Path) -> tuple[SecretUse, ...]:
    """Where the secrets of all tables of a file are; raises ConfigError."""
    return tuple(use for uses in _USES.values() for use in uses(path))


def owns(table: str, check: Check) -> None:
    """Register a check of every settings file; it raises ConfigError with all faults."""
    _CHECKS[table] = check


def load_whole_file(connection: Connection, **flags: object) -> Settings:
    """The settings of a file, after its other tables were checked too.

    Raises ConfigError with the faults of settings and tables together.
    """
    faults: list[str] = []
    found = Settings()
    try:
        found = load_settings(connection, **flags)
    except ConfigError as error:
        faults += error.faults or (error.message,)
    path = connection.config or default_config_path()
    for check in _CHECKS.values() if path.exists() else ():
        try:
            check(path)
        except ConfigError as error:
            faults += [fault for fault in error.faults or (error.message,) if fault not in faults]
    if faults:
        raise ConfigError("the configuration is invalid", faults=tuple(faults))
    return found
