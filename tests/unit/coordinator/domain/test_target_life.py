"""A target belongs to one site and one family until nobody there owns it any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_coordinator.domain.model import TargetRecord
from stt_coordinator.domain.target_life import (
    Member,
    Presence,
    TargetChanges,
    absent,
    announced_targets,
    claim_sentences,
    moved_by_operator,
    without_workers,
)
from stt_shared.protocol.enums import Family, TargetPhase
from stt_shared.protocol.messages import AnnouncedTarget, Announcement

NOW = datetime(2026, 11, 23, tzinfo=UTC)
EU, EU2, US = ("eu", "w1"), ("eu", "w2"), ("us", "w3")
Rows = dict[str, TargetRecord]


def announced(me: Member, *names: str, family: Family = Family.MYSQL) -> Announcement:
    site, worker = me
    return Announcement(
        worker=worker,
        site=site,
        version="1",
        pack="",
        at=NOW,
        started=NOW,
        targets=tuple(AnnouncedTarget(target=name, family=family) for name in names),
        concurrency=1,
    )


def known(*workers: str, site: str = "eu", gone: bool = False, discovered: bool = False) -> Rows:
    row = TargetRecord(
        target="t1",
        family=Family.MYSQL,
        site=site,
        first_seen=NOW,
        workers=workers,
        gone=gone,
        discovered=discovered,
        absent_since=NOW if gone and discovered else None,
    )
    return {"t1": row}


def discovered(me: Member, *names: str) -> Announcement:
    """An announcement of targets that the worker found by itself."""
    one = announced(me, *names)
    found = (msgspec.structs.replace(target, discovered=True) for target in one.targets)
    return msgspec.structs.replace(one, targets=tuple(found))


def heard(
    before: Rows,
    *announcements: Announcement,
    live: Sequence[Member],
    released: Sequence[Member] = (),
) -> TargetChanges:
    presence = Presence(live=live, is_released=lambda member: member in released)
    return announced_targets(before, announcements, presence, NOW)


def phases(changes: TargetChanges) -> list[TargetPhase]:
    return [one.phase for one in changes.events]


@pytest.mark.parametrize("live", [[EU, US], [US]])
def test_a_claim_of_another_site_is_refused_once_even_while_the_owner_restarts(
    live: list[Member],
) -> None:
    changes = heard(known("w1"), announced(US, "t1"), live=live)
    (row,) = changes.targets
    assert (row.site, row.workers, changes.moved) == ("eu", ("w1",), ())
    assert [(one.site, one.worker) for one in row.claims] == [US]
    assert phases(changes) == [TargetPhase.CLAIMED]
    assert "it gets no jobs there" in claim_sentences(row)[0]
    again = heard({"t1": row}, announced(US, "t1"), live=live)
    assert (again.targets, again.events) == ([], [])


def test_a_claim_ends_when_its_worker_drops_it_or_is_down() -> None:
    (row,) = heard(known("w1"), announced(US, "t1"), live=[EU, US]).targets
    (dropped,) = heard({"t1": row}, announced(US), live=[EU, US]).targets
    (down,) = heard({"t1": row}, announced(EU, "t1"), live=[EU]).targets
    assert (dropped.claims, down.claims) == ((), ())


def test_a_withdrawn_target_moves_to_the_site_that_announces_it() -> None:
    (row,) = heard(known("w1"), announced(EU), live=[EU, US]).targets
    assert row.gone
    changes = heard({"t1": row}, announced(US, "t1"), live=[EU, US])
    (moved,) = changes.targets
    assert (moved.site, moved.workers, moved.gone) == ("us", ("w3",), False)
    assert (changes.moved, phases(changes)) == (("t1",), [TargetPhase.MOVED])


def test_a_target_of_two_workers_moves_only_after_both_withdrew_it() -> None:
    (row,) = heard(known("w1", "w2"), announced(EU), live=[EU, US]).targets
    assert (row.gone, row.workers) == (True, ("w2",))
    changes = heard({"t1": row}, announced(US, "t1"), live=[EU, US])
    assert (changes.moved, phases(changes)) == ((), [TargetPhase.CLAIMED])


def test_a_target_whose_workers_were_silent_for_too_long_moves_and_says_why() -> None:
    changes = heard(known("w1", "w2"), announced(US, "t1"), live=[US], released=[EU])
    assert changes.moved == ()
    changes = heard(known("w1", "w2"), announced(US, "t1"), live=[US], released=[EU, EU2])
    (event,) = changes.events
    assert (event.phase, event.site, event.other_site) == (TargetPhase.MOVED, "us", "eu")
    assert "silent for too long" in event.reason


def test_a_worker_that_lists_its_own_target_with_another_family_changes_it() -> None:
    changes = heard(known("w1"), announced(EU, "t1", family=Family.MONGODB), live=[EU])
    (row,) = changes.targets
    assert (row.family, changes.moved) == (Family.MONGODB, ("t1",))


def test_another_family_is_refused_while_a_second_worker_of_the_site_has_the_first() -> None:
    other = announced(EU2, "t1", family=Family.MONGODB)
    changes = heard(known("w1"), other, live=[EU, EU2])
    (row,) = changes.targets
    assert (row.family, row.workers, len(row.claims)) == (Family.MYSQL, ("w1",), 1)


@pytest.mark.parametrize(("live", "is_gone"), [([EU, EU2], False), ([EU], True)])
def test_a_target_that_its_worker_drops_is_gone_unless_a_live_one_serves_it(
    live: list[Member], *, is_gone: bool
) -> None:
    changes = heard(known("w1", "w2"), announced(EU), live=live)
    (row,) = changes.targets
    assert (row.workers, row.gone) == (("w2",), is_gone)
    assert phases(changes) == [TargetPhase.GONE] * is_gone


def test_a_gone_target_that_is_announced_again_is_back() -> None:
    changes = heard(known(gone=True), announced(EU, "t1"), live=[EU])
    (row,) = changes.targets
    assert (row.gone, row.workers, phases(changes)) == (False, ("w1",), [TargetPhase.BACK])


def test_an_announcement_without_news_changes_nothing() -> None:
    assert heard(known("w1"), announced(EU, "t1"), live=[EU]).targets == []


def test_an_operator_moves_a_target_to_a_site_that_claims_it_and_to_no_other() -> None:
    (row,) = heard(known("w1"), announced(US, "t1"), live=[EU, US]).targets
    moved = moved_by_operator(row, "us")
    assert moved is not None
    assert (moved.site, moved.workers, moved.claims) == ("us", ("w3",), ())
    assert moved_by_operator(row, "ap") is None


def test_a_target_is_gone_when_its_only_worker_is_forgotten() -> None:
    row = known("w1", "w2")["t1"]
    assert not without_workers(row, {EU}).gone
    assert without_workers(without_workers(row, {EU}), {EU2}).gone
    assert without_workers(row, {("us", "w1")}) == row


MEMBERS = st.sampled_from([EU, EU2, US, ("us", "w1")])
STEPS = st.lists(
    st.tuples(MEMBERS, st.booleans(), st.sampled_from([Family.MYSQL, Family.MONGODB])), max_size=30
)


@given(STEPS)
def test_whatever_is_announced_only_the_owners_of_before_can_let_a_target_go(
    steps: list[tuple[Member, bool, Family]],
) -> None:
    rows: Rows = {}
    live: set[Member] = set()
    for me, lists, family in steps:
        live.add(me)
        messages = announced(me, *(["t1"] * lists), family=family)
        changes = heard(rows, messages, live=sorted(live))
        before, rows = rows.get("t1"), rows | {row.target: row for row in changes.targets}
        row = rows.get("t1")
        if before is None or row is None:
            continue
        has_changed_place = (before.site, before.family) != (row.site, row.family)
        owners = {(before.site, worker) for worker in before.workers} - {me}
        assert not has_changed_place or not owners
        assert has_changed_place == (changes.moved == ("t1",))
        claimants = {(one.site, one.worker) for one in row.claims}
        serving = {(row.site, worker) for worker in row.workers}
        # Nobody is both, and a gone target has no live worker.
        assert not claimants & serving
        assert row.gone == (not serving)


def test_only_a_target_that_nobody_ever_typed_is_discovered() -> None:
    (new,) = heard({}, discovered(EU, "t1"), live=[EU]).targets
    assert new.discovered
    (typed,) = heard({"t1": new}, announced(EU2, "t1"), live=[EU, EU2]).targets
    assert not typed.discovered
    again = heard({"t1": typed}, discovered(EU, "t1"), discovered(EU2, "t1"), live=[EU, EU2])
    assert again.targets == []
    (gone,) = heard(known("w1"), announced(EU), live=[EU]).targets
    (back,) = heard({"t1": gone}, discovered(EU, "t1"), live=[EU]).targets
    assert not back.discovered


def test_the_absence_of_a_discovered_target_begins_anew_when_it_was_back() -> None:
    before = known(gone=True, discovered=True)
    (back,) = heard(before, discovered(EU, "t1"), live=[EU]).targets
    assert (back.gone, back.absent_since) == (False, None)
    (gone,) = heard({"t1": back}, discovered(EU), live=[EU]).targets
    later = NOW + timedelta(days=9)
    (begins,), over = absent([gone], later, timedelta(hours=1))
    assert (begins.absent_since, over) == (later, [])


@pytest.mark.parametrize(
    ("hours", "begins", "over"), [(-1, 1, 0), (0, 0, 0), (23, 0, 0), (24, 0, 1), (9_999, 0, 1)]
)
def test_an_absence_is_over_after_its_grace_time_and_one_of_the_future_begins_now(
    hours: float, begins: int, over: int
) -> None:
    rows = [*known(gone=True, discovered=True).values(), *known(gone=True).values()]
    mark = NOW + timedelta(hours=hours)
    found = absent(rows, mark, timedelta(hours=24))
    assert tuple(map(len, found)) == (begins, over)
