"""Where the configuration file and the state folders are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import platformdirs

APPLICATION = "stt"


def default_config_path() -> Path:
    """The configuration file that is read when none is named."""
    return Path(platformdirs.user_config_dir(APPLICATION)) / "config.toml"


def state_dir(configured: str, role: str, environ: Mapping[str, str]) -> Path:
    """The folder of the data of `role`: as configured, systemd's folder, or the XDG state folder.

    Raises RuntimeError if `configured` starts with the `~` of an unknown user.
    """
    if configured:
        return Path(configured).expanduser()
    systemd = environ.get("STATE_DIRECTORY", "").split(":")[0]
    base = Path(systemd) if systemd else Path(platformdirs.user_state_dir(APPLICATION))
    return base / role
