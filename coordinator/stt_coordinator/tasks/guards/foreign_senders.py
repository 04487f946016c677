"""Refuse announcements that come from the account of another worker, and count them by sender."""

from __future__ import annotations

from stt_shared.bus.values import LiveMessage
from stt_shared.errors import ProtocolError
from stt_shared.protocol.accounts import OWNER, worker_account
from stt_shared.protocol.messages import Announcement

MAX_NAMED = 5  # senders in the status
MAX_KEPT = 100  # senders that are counted
_OURS = f"{OWNER}-"  # a key of operator mode or an account of another scheme names no worker


class ForeignSenders:
    """How many announcements were refused, by the account that sent them and who it pretended."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}

    def check(self, message: LiveMessage, heard: Announcement) -> None:
        """Raise ProtocolError if the server names an account that is not this worker's."""
        account = message.account
        if not account.startswith(_OURS) or account == worker_account(heard.site, heard.worker):
            return
        key = (account, heard.site, heard.worker)
        if key in self._counts or len(self._counts) < MAX_KEPT:
            self._counts[key] = self._counts.get(key, 0) + 1
        what = f"account {account} announced worker {heard.worker} at site {heard.site}"
        raise ProtocolError("wrong_account", what)

    def sentences(self) -> tuple[str, ...]:
        """One for each of the first MAX_NAMED senders since this process started."""
        return tuple(
            f"refused {count} announcements of worker {worker} at site {site}:"
            f" account {account} sent them"
            for (account, site, worker), count in sorted(self._counts.items())[:MAX_NAMED]
        )
