"""The name of the installed distribution, and which versions are installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "security-threat-tool"


def installed_version(distribution: str = DISTRIBUTION) -> str:
    """The version of an installed distribution, ours by default; `unknown` if it has none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
