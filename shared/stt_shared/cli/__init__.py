"""The command `stt`: dispatch, output, exit codes and the commands that talk to a coordinator."""

from __future__ import annotations

from stt_shared.cli.dispatch import main

__all__ = ["main"]
