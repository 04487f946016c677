"""Name and installed version of the distribution."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "security-threat-tool"


def installed_version(distribution: str = DISTRIBUTION) -> str:
    """The version of an installed distribution, STT by default; `unknown` if not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


def version_line() -> str:
    """The versions of STT and Python, as `stt version` prints them."""
    return f"stt {installed_version()}, Python {platform.python_version()}"
