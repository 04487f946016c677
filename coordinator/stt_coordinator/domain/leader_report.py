"""What the leader tells the other coordinators of itself, by way of the store."""

from __future__ import annotations

import msgspec

from stt_shared.protocol.control import PackStatus


class LeaderReport(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the leader that only itself knows; every field has a default."""

    degraded: tuple[str, ...] = ()  # what does not work, as sentences
    pack: PackStatus | None = None  # None: the built-in checks
    built_in: str = ""  # digest of those; empty: of a pack
    releases_as_of: str = ""  # of the release data in its checks
    nonce_rule: str = ""  # what it does with results without a nonce
    skews: dict[str, int] = {}  # whole seconds a worker's clock is behind
