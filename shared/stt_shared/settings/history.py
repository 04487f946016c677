"""The settings of history: how long the coordinator keeps what in its store."""

from __future__ import annotations

from typing import Annotated

import msgspec


def _said(text: str) -> msgspec.Meta:
    return msgspec.Meta(description=text)


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long the past is kept; what is known now is never dropped."""

    full_days: Annotated[
        int, _said("days that runs, results, changes and fixed findings are kept in full, 7 to 400")
    ] = 30
    daily_days: Annotated[
        int, _said("days that daily counts and the list of runs are kept, 30 to 3660")
    ] = 400
