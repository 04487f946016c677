"""The checks that runs are planned with: fetched from their source, switched by the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import ConfigError
from stt_shared.protocol.control import CheckInfo
from stt_shared.telemetry.logs import logger

_LOG = logger("library")


class Library:
    """The newest checks that could be fetched."""

    def __init__(self, source: Callable[[], Catalogue]) -> None:
        self._source = source
        self.catalogue = Catalogue(checks={})
        self.trouble = ""

    async def fetch(self) -> None:
        """Get the checks again; if that fails the ones at hand stay and `trouble` says why."""
        try:
            self.catalogue = await asyncio.to_thread(self._source)
        except ConfigError as error:
            self.trouble = f"the checks cannot be read: {error.message}"
            _LOG.error("checks not read", reason=error.message, hint=error.hint)
        else:
            self.trouble = ""

    def checks(self, disabled: tuple[str, ...]) -> tuple[CheckInfo, ...]:
        """Every check; those in `disabled` are switched off."""
        return tuple(
            CheckInfo(
                check=check.name,
                family=check.family,
                summary=check.summary,
                interval=check.interval,
                digest=check.digest,
                enabled=check.name not in disabled,
                category=check.category,
            )
            for check in self.catalogue.checks.values()
        )
