"""Read an announcement, and refuse names in it that are not tokens."""

from __future__ import annotations

from stt_shared.bus.values import LiveMessage
from stt_shared.errors import ProtocolError
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol.messages import Announcement
from stt_shared.protocol.reading import ANNOUNCEMENT, read_message


def read_announcement(message: LiveMessage) -> Announcement:
    """The announcement in `message`; raises ProtocolError as `read_message`, or for a bad name."""
    announcement = read_message(ANNOUNCEMENT, message.subject, message.data)
    if announcement.epoch and not is_token(announcement.epoch):
        # A part of it names a double, in the status and in logs.
        what = f"worker {announcement.worker} has the epoch {announcement.epoch!r:.80}"
        raise ProtocolError("wrong_position", f"{what}, which is not {TOKEN_RULE}")
    for target in announcement.targets:
        if not is_token(target.target):
            what = f"worker {announcement.worker} announced target {target.target!r:.80}"
            raise ProtocolError("wrong_subject", f"{what}, which is not {TOKEN_RULE}")
    return announcement
