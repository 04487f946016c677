"""Naming many announcements takes time in proportion to their number."""

from __future__ import annotations

from datetime import timedelta

from stt_coordinator.domain.intake import installations
from stt_coordinator.domain.intake.installations import MAX_DOUBLES, named
from stt_shared.protocol.messages import Announcement
from tests.support.coordinator.coordination import NOW

EPOCHS = 6


class Name(str):
    """A name of a worker that counts how often it is compared with a prefix."""

    __slots__ = ()
    compared = 0

    def startswith(self, *given: object) -> bool:
        Name.compared += 1
        return super().startswith(*given)  # type: ignore[arg-type]


def flood(names: int) -> list[Announcement]:
    return [
        Announcement(
            worker=Name(f"w{number}"),
            site="eu",
            version="1",
            started=NOW,
            at=NOW,
            targets=(),
            pack="",
            epoch=f"{epoch}epoch-of-{number}",
        )
        for number in range(names)
        for epoch in range(EPOCHS)
    ]


def test_no_name_is_compared_with_all_others_and_each_has_its_doubles() -> None:
    found = named(flood(2_000), {}, {}, lambda _: 0.0, timedelta(seconds=45))
    assert Name.compared == 0
    assert len(found.announcements) == 2_000 * (1 + MAX_DOUBLES)
    assert len(found.left_out) == 2_000 * (EPOCHS - 1 - MAX_DOUBLES)
    assert installations.MARK in "".join(found.announcements)
