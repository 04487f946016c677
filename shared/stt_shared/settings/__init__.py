"""The closed set of settings and where each value comes from: flag, environment, file, default."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

import msgspec
import platformdirs

from stt_shared import nats_address
from stt_shared.errors import ConfigError
from stt_shared.redaction import HIDDEN, hide_text
from stt_shared.settings.alerts import AlertSettings
from stt_shared.settings.history import HistorySettings
from stt_shared.settings.rules import RULES, anything
from stt_shared.settings.telemetry import LogSettings, TelemetrySettings
from stt_shared.settings.web import WebSettings

APPLICATION = "stt"
BUILT_IN = "built-in"
DEFAULT_PACK = "checks"
MAX_FILE_BYTES = 8 * 1024 * 1024
SECRET_SETTINGS = frozenset(
    {"nats.password", "alerts.webhook", "alerts.webhook_secret", "alerts.smtp_password"}
)
# Where an address may stand, which may hold a user and a password.
ADDRESS_SETTINGS = frozenset(
    {"nats.url", "pack.source", "alerts.alertmanager", "alerts.page_url", "alerts.smtp"}
)
# Understood where ours is unset, because other NATS tools read them too.
FOREIGN_ENVIRONMENT = {"nats.url": "NATS_URL", "nats.creds": "NATS_CREDS"}


def _said(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class NatsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How NATS is reached."""

    url: Annotated[str, _said("addresses of NATS, separated by commas")] = "nats://127.0.0.1:4222"
    creds: Annotated[str, _said("path of a credentials file")] = ""
    user: Annotated[str, _said("user name, where there is no credentials file")] = ""
    password: Annotated[str, _said("password of the user; better in a file")] = ""
    ca: Annotated[str, _said("path of the CA that signed the server's certificate")] = ""
    cert: Annotated[str, _said("path of a client certificate")] = ""
    key: Annotated[str, _said("path of the client certificate's key")] = ""
    timeout_s: Annotated[float, _said("seconds to wait for an answer, 0.1 to 300")] = 5.0


class CoordinatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the coordinator keeps its data, and how often NATS keeps a message."""

    state_dir: Annotated[str, _said("folder of the store; empty: the state folder")] = ""
    replicas: Annotated[int, _said("copies of each stream; 0: one a server, up to 3")] = 0


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who a worker is, how much it does at once, and how long it may take to end."""

    name: Annotated[str, _said("name of this worker; empty: the name of the host")] = ""
    site: Annotated[str, _said("network zone that this worker serves")] = "default"
    concurrency: Annotated[
        int,
        _said("targets worked on at once, 1 to 256; four times as many may await their servers"),
    ] = 8
    state_dir: Annotated[str, _said("folder of the outbox; empty: the state folder")] = ""
    grace_s: Annotated[float, _said("seconds that running jobs get to end at SIGTERM")] = 20.0
    allow_unsigned: Annotated[
        bool, _said("take packs that nobody signed; for the development of checks alone")
    ] = False


class PackSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the coordinator gets checks, and whose packs coordinator and worker believe."""

    source: Annotated[
        str, _said("of the coordinator: built-in, a folder, a pack file, or an https address")
    ] = BUILT_IN
    keys: Annotated[
        tuple[str, ...], _said("public keys of minisign whose packs are taken; none: no pack")
    ] = ()
    name: Annotated[str, _said("the name that a pack must be signed for")] = DEFAULT_PACK


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting of STT; `origins` names where each value that is no default came from."""

    nats: NatsSettings = NatsSettings()
    log: LogSettings = LogSettings()
    coordinator: CoordinatorSettings = CoordinatorSettings()
    worker: WorkerSettings = WorkerSettings()
    pack: PackSettings = PackSettings()
    web: WebSettings = WebSettings()
    alerts: AlertSettings = AlertSettings()
    history: HistorySettings = HistorySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    origins: dict[str, str] = {}


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "nats": NatsSettings,
    "log": LogSettings,
    "coordinator": CoordinatorSettings,
    "worker": WorkerSettings,
    "pack": PackSettings,
    "web": WebSettings,
    "alerts": AlertSettings,
    "history": HistorySettings,
    "telemetry": TelemetrySettings,
}


def names() -> tuple[str, ...]:
    """Every setting as `section.key`, in order."""
    return tuple(
        f"{section}.{field.name}"
        for section, kind in SECTIONS.items()
        for field in msgspec.structs.fields(kind)
    )


def description(name: str) -> str:
    """What the setting `section.key` is for."""
    section, _, key = name.partition(".")
    hint = get_type_hints(SECTIONS[section], include_extras=True)[key]
    return next(str(meta.description) for meta in hint.__metadata__)


def environment_name(name: str) -> str:
    """The environment variable of a setting, e.g. `STT_NATS_URL`; `_FILE` appended reads a file."""
    return "STT_" + name.replace(".", "_").upper()


def flag_name(name: str) -> str:
    """The command-line flag of a setting, e.g. `--nats-timeout-s`."""
    return "--" + name.replace(".", "-").replace("_", "-")


def default_config_path() -> Path:
    """The file that is read when none is named."""
    return Path(platformdirs.user_config_dir(APPLICATION)) / "config.toml"


def state_dir(configured: str, role: str, environ: Mapping[str, str]) -> Path:
    """Where `role` keeps its data: as configured, systemd's folder, or the XDG state folder."""
    if configured:
        return Path(configured).expanduser()
    systemd = environ.get("STATE_DIRECTORY", "").split(":")[0]
    base = Path(systemd) if systemd else Path(platformdirs.user_state_dir(APPLICATION))
    return base / role


def line_of(text: str, name: str) -> int:
    """The line of `section.key` in TOML `text`, or of its section; 0 if it cannot be told."""
    section, _, key = name.rpartition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?", line):
            current = match[1]
            if current == name:
                return number
        elif current == section and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
            return number
    return 0


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text and the tables of a TOML file; raises ConfigError that names the file and why."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ConfigError(f"{path} has more than the limit of {MAX_FILE_BYTES} bytes")
        text = data.decode("utf-8")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"cannot read {path} ({str(reason).lower()})") from error
    # Beside its own error the reader raises others: for numbers of 5,000 digits, for deep nesting.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def load(
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    path: Path | None = None,
    other_tables: frozenset[str] = frozenset({"targets"}),
) -> Settings:
    """All settings, flag before environment before file before default.

    `flags` maps `section.key` to a value, None meaning not given. Tables of the file named in
    `other_tables` belong to somebody else. Raises ConfigError with every fault found.
    """
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    faults: list[str] = []
    for layer in (_from_file(path, other_tables, faults), _from_environment(environ, faults)):
        for name, (value, origin) in layer.items():
            values[name], origins[name] = value, origin
    for name, value in flags.items():
        if value is not None:
            values[name], origins[name] = value, f"flag {flag_name(name)}"
    sections = {key: _section(key, values, origins, faults) for key in SECTIONS}
    faults += _unused(sections["nats"], origins)
    if faults:
        raise ConfigError("the settings are wrong", faults=tuple(faults))
    return msgspec.convert(
        {
            **{key: msgspec.structs.asdict(value) for key, value in sections.items()},
            "origins": origins,
        },
        Settings,
    )


def _unused(nats: msgspec.Struct, origins: Mapping[str, str]) -> list[str]:
    """What of NATS's log-in would be ignored beside, or without, something else."""
    found = cast("NatsSettings", nats)
    try:
        in_url = nats_address.parse(found.url).has_login
    except ValueError:  # a fault of its own
        return []
    faults = [
        f"{origins.get(name, 'default')}: {name} is of no use without {needs}"
        for name, given, needs, there in (
            ("nats.password", found.password, "nats.user", found.user),
            ("nats.key", found.key, "nats.cert", found.cert),
        )
        if given and not there
    ]
    logins = {"nats.url": in_url, "nats.user": bool(found.user), "nats.creds": bool(found.creds)}
    given = [name for name, there in logins.items() if there]
    if len(given) > 1:
        where = ", ".join(f"{name} ({origins.get(name, 'default')})" for name in given)
        faults.append(f"NATS has more than one log-in: {where}")
    return faults


Layer = dict[str, tuple[object, str]]


def _from_file(path: Path | None, other_tables: frozenset[str], faults: list[str]) -> Layer:
    chosen = path or default_config_path()
    if path is None and not chosen.exists():
        return {}
    text, tables = read_toml(chosen)
    layer: Layer = {}
    for section, table in tables.items():
        if section in other_tables:
            continue
        for key, value in _entries(section, table).items():
            name = f"{section}.{key}".rstrip(".")
            line = line_of(text, name)
            if name in names():
                layer[name] = (value, f"{chosen}:{line}")
            else:
                faults.append(f"{chosen}:{line}: unknown setting {name!r}{_suggestion(name)}")
    return layer


def _entries(section: str, table: object) -> dict[str, object]:
    if isinstance(table, dict) and section in SECTIONS:
        return cast("dict[str, object]", table)
    return {"": table}


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name, [*names(), *SECTIONS], n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _from_environment(environ: Mapping[str, str], faults: list[str]) -> Layer:
    layer: Layer = {}
    for name in names():
        for variable in (FOREIGN_ENVIRONMENT.get(name, ""), environment_name(name)):
            if variable and variable in environ:
                layer[name] = (environ[variable], f"environment {variable}")
            elif variable and f"{variable}_FILE" in environ:
                _read_value(layer, name, f"{variable}_FILE", environ, faults)
    return layer


def _read_value(
    layer: Layer, name: str, variable: str, environ: Mapping[str, str], faults: list[str]
) -> None:
    try:
        text = Path(environ[variable]).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        # Somebody may have put the secret itself where its file belongs.
        path = environ[variable]
        shown = path if name not in SECRET_SETTINGS or path.startswith(("/", ".", "~")) else HIDDEN
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        faults.append(f"{variable}: cannot read {shown} ({str(reason).lower()})")
        return
    layer[name] = (text, f"environment {variable}")


def _section(
    section: str, values: Mapping[str, object], origins: Mapping[str, str], faults: list[str]
) -> msgspec.Struct:
    kind = SECTIONS[section]
    good: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        name = f"{section}.{field.name}"
        if name not in values:
            continue
        try:
            good[field.name] = _converted(values[name], field)
        except msgspec.ValidationError as error:
            faults.append(f"{origins[name]}: {name}: {str(error).lower()}")
            continue
        fault = RULES.get(name, anything)(good[field.name])
        if fault:
            faults.append(f"{origins[name]}: {name} is {_shown(name, good[field.name])}, {fault}")
    return kind(**good)


def _shown(name: str, value: object) -> str:
    """A wrong value as it may be shown: of a wrong address nobody knows where its password ends."""
    if name in SECRET_SETTINGS or (name in ADDRESS_SETTINGS and "@" in str(value)):
        return HIDDEN
    return hide_text(repr(value))


def _converted(value: object, field: msgspec.structs.FieldInfo) -> object:
    """`value` as its field has it; in the environment a list is a text with commas."""
    if isinstance(value, str) and isinstance(field.default, tuple):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return msgspec.convert(value, field.type, strict=not isinstance(value, str))
