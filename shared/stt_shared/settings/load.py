"""Load the settings: each value from the first of flag, environment, file and default."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from stt_shared import nats_address
from stt_shared.errors import ConfigError
from stt_shared.redaction import HIDDEN, hide_text
from stt_shared.settings.field import Setting, environment_name, flag_name
from stt_shared.settings.paths import default_config_path
from stt_shared.settings.sections import SECTIONS, SETTINGS, NatsSettings, Settings
from stt_shared.settings.toml_file import line_of, read_toml

MAX_SHOWN_CHARACTERS = 200  # of a wrong value
Layer = dict[str, tuple[object, str]]  # value and origin by name


def load(
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    path: Path | None = None,
    other_tables: frozenset[str] = frozenset({"targets"}),
) -> Settings:
    """All settings, flag before environment before file before default.

    `flags` maps `section.key` to a value; None: not given. Tables of the file named in
    `other_tables` are left to their owner. Raises ConfigError with every fault found.
    """
    faults: list[str] = []
    # A later layer overwrites an earlier one.
    layer = _from_file(path, other_tables, faults) | _from_environment(environ, faults)
    layer |= {
        name: (value, f"flag {flag_name(name)}")
        for name, value in flags.items()
        if value is not None
    }
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, (value, origin) in layer.items():
        setting = SETTINGS[name]
        try:
            values[setting.section][setting.key] = setting.check(
                value, from_text=isinstance(value, str)
            )
        except ValueError as error:
            faults.append(f"{origin}: {name} is {_shown(setting, value)}, {error}")
    origins = {name: origin for name, (_, origin) in layer.items()}
    sections: dict[str, Any] = {key: kind(**values[key]) for key, kind in SECTIONS.items()}
    faults += _login_faults(sections["nats"], origins)
    if faults:
        raise ConfigError("the settings are wrong", faults=tuple(faults))
    return Settings(**sections, origins=origins)


def _login_faults(nats: NatsSettings, origins: Mapping[str, str]) -> list[str]:
    """The settings of the NATS log-in that have no effect, or that contradict each other."""
    try:
        in_url = nats_address.parse(nats.url).has_login
    except ValueError:  # reported as a fault of nats.url
        return []
    faults = [
        f"{origins.get(name, 'default')}: {name} has no effect without {needs}"
        for name, given, needs, there in (
            ("nats.password", nats.password, "nats.user", nats.user),
            ("nats.key", nats.key, "nats.cert", nats.cert),
        )
        if given and not there
    ]
    logins = {"nats.url": in_url}
    logins |= {f"nats.{key}": bool(getattr(nats, key)) for key in ("user", "nkey", "creds")}
    given = [name for name, there in logins.items() if there]
    if len(given) > 1:
        where = ", ".join(f"{name} ({origins.get(name, 'default')})" for name in given)
        faults.append(f"NATS has more than one log-in: {where}")
    return faults


def _from_file(path: Path | None, other_tables: frozenset[str], faults: list[str]) -> Layer:
    chosen = path or default_config_path()
    if path is None and not chosen.exists():
        return {}
    text, tables = read_toml(chosen)
    layer: Layer = {}
    for section, table in tables.items():
        if section in other_tables:
            continue
        entries: dict[str, object] = {"": table}
        if isinstance(table, dict) and section in SECTIONS:
            entries = cast("dict[str, object]", table)
        for key, value in entries.items():
            name = f"{section}.{key}".rstrip(".")
            line = line_of(text, name)
            if name in SETTINGS:
                layer[name] = (value, f"{chosen}:{line}")
            else:
                close = difflib.get_close_matches(name, [*SETTINGS, *SECTIONS], n=1)
                hint = f", did you mean {close[0]!r}?" if close else ""
                faults.append(f"{chosen}:{line}: unknown setting {name!r}{hint}")
    return layer


def _from_environment(environ: Mapping[str, str], faults: list[str]) -> Layer:
    layer: Layer = {}
    for name, setting in SETTINGS.items():
        # Ours comes last, so that it overwrites the variable of other tools.
        for variable in (setting.foreign, environment_name(name)):
            if variable and variable in environ:
                layer[name] = (environ[variable], f"environment {variable}")
            elif variable and f"{variable}_FILE" in environ:
                _read_value(layer, setting, f"{variable}_FILE", environ, faults)
    return layer


def _read_value(
    layer: Layer, setting: Setting, variable: str, environ: Mapping[str, str], faults: list[str]
) -> None:
    try:
        text = Path(environ[variable]).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        # The variable may hold the secret itself instead of the path of its file.
        path = environ[variable]
        shown = path if not setting.secret or path.startswith(("/", ".", "~")) else HIDDEN
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        faults.append(f"{variable}: cannot read {shown} ({str(reason).lower()})")
        return
    layer[setting.name] = (text, f"environment {variable}")


def _shown(setting: Setting, value: object) -> str:
    """A wrong value as it may be shown: in a malformed address nobody knows where a password ends.

    A list from the environment is still a text here, so its `@` is found as well.
    """
    # Before anything is shown: a mistyped secret is still a secret.
    if setting.secret or (setting.address and "@" in str(value)):
        return HIDDEN
    return f"{hide_text(repr(value)):.{MAX_SHOWN_CHARACTERS}}"
