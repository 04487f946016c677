"""A target's name belongs to one site: of two that announce it the first that lives keeps it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stt_coordinator.domain.fleet import announced_targets
from stt_coordinator.domain.model import TargetRecord
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import AnnouncedTarget, Announcement

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def announced(worker: str, site: str, *names: str) -> Announcement:
    return Announcement(
        worker=worker,
        site=site,
        version="1",
        pack="",
        at=NOW,
        started=NOW,
        targets=tuple(AnnouncedTarget(target=name, family=Family.MYSQL) for name in names),
        concurrency=1,
    )


def known(*workers: str, site: str = "eu") -> dict[str, TargetRecord]:
    row = TargetRecord(target="t1", family=Family.MYSQL, site=site, first_seen=NOW, workers=workers)
    return {"t1": row}


def test_a_name_that_a_live_worker_of_another_site_serves_is_left_out_and_says_so() -> None:
    changes = announced_targets(known("w1"), [announced("w2", "us", "t1")], {"w1", "w2"}, NOW)
    assert changes.targets == []
    assert "mysql at site eu has that name already" in changes.claims["t1", "w2"]


def test_a_name_whose_worker_is_down_is_taken_over() -> None:
    changes = announced_targets(known("w1"), [announced("w2", "us", "t1")], {"w2"}, NOW)
    (row,) = changes.targets
    assert (row.site, row.workers, changes.claims) == ("us", ("w2",), {("t1", "w2"): ""})


@pytest.mark.parametrize(("live", "is_gone"), [({"w1", "w2"}, False), ({"w1"}, True)])
def test_a_target_that_its_worker_drops_is_gone_unless_a_live_one_serves_it(
    live: set[str], *, is_gone: bool
) -> None:
    changes = announced_targets(known("w1", "w2"), [announced("w1", "eu")], live, NOW)
    (row,) = changes.targets
    assert (row.workers, row.gone) == (("w2",), is_gone)


def test_an_announcement_without_news_changes_nothing() -> None:
    assert announced_targets(known("w1"), [announced("w1", "eu", "t1")], {"w1"}, NOW).targets == []
