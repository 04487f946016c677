"""The settings: each is one field; validation, documentation and schema are generated from it."""

from stt_shared.settings.field import Setting, environment_name, flag_name
from stt_shared.settings.load import load
from stt_shared.settings.paths import APPLICATION, default_config_path, state_dir
from stt_shared.settings.sections import (
    BUILT_IN,
    DEFAULT_PACK,
    SECRET_SETTINGS,
    SECTIONS,
    SETTINGS,
    CoordinatorSettings,
    HistorySettings,
    LogSettings,
    NatsSettings,
    PackSettings,
    Settings,
    TelemetrySettings,
    WorkerSettings,
    names,
)
from stt_shared.settings.toml_file import line_of, read_toml

__all__ = [
    "APPLICATION",
    "BUILT_IN",
    "DEFAULT_PACK",
    "SECRET_SETTINGS",
    "SECTIONS",
    "SETTINGS",
    "CoordinatorSettings",
    "HistorySettings",
    "LogSettings",
    "NatsSettings",
    "PackSettings",
    "Setting",
    "Settings",
    "TelemetrySettings",
    "WorkerSettings",
    "default_config_path",
    "environment_name",
    "flag_name",
    "line_of",
    "load",
    "names",
    "read_toml",
    "state_dir",
]
