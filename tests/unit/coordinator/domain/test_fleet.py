"""What a worker says of itself is kept within limits: a status holds all workers in one message."""

from __future__ import annotations

import msgspec
import pytest

from stt_coordinator.domain.fleet import announced_worker
from stt_coordinator.tasks.guards.announcements import read_announcement
from stt_shared.bus.values import LiveMessage
from stt_shared.errors import ProtocolError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Announcement, HeldPack
from tests.support.coordinator.coordination import NOW

LONG = "x" * 100_000
PACK = HeldPack(digest=LONG, name=LONG, serial=1, key=LONG)


def announced(epoch: str = "") -> Announcement:
    return Announcement(
        worker="w1",
        site="eu",
        version=LONG,
        started=NOW,
        at=NOW,
        targets=(),
        pack=LONG,
        packs=(PACK,) * 100,
        refused_pack=LONG,
        epoch=epoch,
    )


def test_no_text_of_a_worker_is_long_enough_to_leave_no_room_for_the_others() -> None:
    record = announced_worker(announced(), NOW)
    assert len(msgspec.json.encode(record)) < 20_000


@pytest.mark.parametrize("epoch", ["a b", "line\nbreak", "x" * 65])
def test_an_epoch_that_cannot_be_part_of_a_name_is_refused(epoch: str) -> None:
    heard = msgspec.structs.replace(announced(epoch), version="1", packs=())
    message = LiveMessage(subject=subjects.announce("eu", "w1"), data=codec.encode(heard))
    with pytest.raises(ProtocolError, match="which is not 1 to 64"):
        read_announcement(message)
