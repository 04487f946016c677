"""The files that hold secrets: whether others on this computer may read them."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from stt_shared.cli.diagnosis.line import Line, ok, warn
from stt_shared.settings import SECRET_SETTINGS, Settings

SECRET_FILES = ("nats.creds", "nats.key", "web.key", "web.tokens")  # settings that name one
OTHERS = stat.S_IRWXG | stat.S_IRWXO
ENVIRONMENT = "environment "


def private(settings: Settings, environ: Mapping[str, str]) -> list[Line]:
    """A line for each file with secrets that others may read, and for secrets in no file."""
    lines = [line for path in sorted(set(_paths(settings, environ))) for line in _open(path)]
    for name in sorted(SECRET_SETTINGS & set(settings.origins)):
        origin = settings.origins[name]
        if origin.startswith(ENVIRONMENT) and not origin.endswith("_FILE"):
            variable = origin.removeprefix(ENVIRONMENT)
            todo = f"put it into a file and name that: {variable}_FILE"
            lines.append(warn("secrets", f"{name} stands in the environment", todo))
    return lines or [ok("secrets", "none that others on this computer may read")]


def _paths(settings: Settings, environ: Mapping[str, str]) -> Iterator[Path]:
    for name in SECRET_FILES:
        section, _, key = name.partition(".")
        if value := getattr(getattr(settings, section), key):
            yield Path(value).expanduser()
    for name in SECRET_SETTINGS & set(settings.origins):
        origin = settings.origins[name]
        if origin.endswith("_FILE"):
            yield Path(environ[origin.removeprefix(ENVIRONMENT)]).expanduser()
        elif not origin.startswith((ENVIRONMENT, "flag ")):
            yield Path(origin.rpartition(":")[0])  # the configuration file and the line


def _open(path: Path) -> Iterator[Line]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        todo = "correct the setting, or make the file"
        yield warn("secrets", f"cannot look at {path} ({(error.strerror or '').lower()})", todo)
        return
    if mode & OTHERS:
        seen = f"others may read {path} (mode {stat.S_IMODE(mode):o})"
        yield warn("secrets", seen, f"chmod 600 {path}")
