"""The process `stt`: answers what needs no library at once, and calls the command for the rest."""

from __future__ import annotations

import sys

from stt_shared.distribution import version_line

VERSION = ("version", "--version", "-V")


def main() -> int:
    """Run the command of the process; returns its exit code."""
    if len(sys.argv) == len(("stt", "version")) and sys.argv[1] in VERSION and _print_version():
        return 0
    # Only now: the import takes ten times as long as the version.
    from stt_cli.main import main as run  # noqa: PLC0415

    return run()


def _print_version() -> bool:
    """Whether the version could be printed; if not, the whole command says why."""
    try:
        sys.stdout.write(f"{version_line()}\n")
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        return False
    return True
