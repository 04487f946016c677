"""Where the binaries of database servers are found: on PATH, or in our cache folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from stt_shared.errors import SttError

HOW_TO_GET = "install it, or in a checkout of the project: make servers"


class MissingServerError(SttError):
    """A server's binary is neither on PATH nor in the cache."""


def folder() -> Path:
    """The cache folder of servers: `$XDG_CACHE_HOME/stt/servers`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "stt" / "servers"


def on_path(*names: str) -> Path | None:
    """The first of `names` that is on PATH or where Debian keeps servers."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    found = (shutil.which(name, path=places) for name in names)
    return next((Path(path) for path in found if path), None)


def missing(what: str) -> MissingServerError:
    """The error that says how to get `what`."""
    return MissingServerError(f"no {what} on PATH or in {folder()}", hint=HOW_TO_GET)
