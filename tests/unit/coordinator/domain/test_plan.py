"""A run becomes the same jobs for whoever plans it."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from stt_coordinator.domain import plan
from stt_coordinator.domain.model import JobRecord, TargetRecord
from stt_shared.protocol.control import CheckInfo
from stt_shared.protocol.enums import Family, Interval
from stt_shared.protocol.records import RunRecord
from tests.support.coordinator.coordination import NOW

MINUTE = timedelta(minutes=1)


def check(
    name: str,
    family: Family = Family.MYSQL,
    interval: Interval = Interval.STANDARD,
    *,
    enabled: bool = True,
) -> CheckInfo:
    return CheckInfo(
        check=name, family=family, summary="", interval=interval, digest=name, enabled=enabled
    )


def target(name: str, family: Family = Family.MYSQL, *, gone: bool = False) -> TargetRecord:
    return TargetRecord(target=name, family=family, site="eu", first_seen=NOW, gone=gone)


RUN = RunRecord(run_id="standard-1", schedule="standard", slot=NOW, state="running")


def planned(*targets: TargetRecord, checks: tuple[CheckInfo, ...]) -> tuple[JobRecord, ...]:
    return plan.jobs(RUN, targets, checks, now=NOW, result_timeout=MINUTE)


def test_scheduled_run_takes_the_checks_of_its_interval_and_any_other_run_takes_all() -> None:
    checks = (check("a"), check("b", interval=Interval.RARE), check("c", enabled=False))
    assert [one.check for one in plan.checks_of("standard", checks)] == ["a"]
    assert [one.check for one in plan.checks_of("rare", checks)] == ["b"]
    assert [one.check for one in plan.checks_of("frequent", checks)] == []
    assert [one.check for one in plan.checks_of("enable", checks)] == ["a", "b"]
    assert [one.check for one in plan.checks_of("manual", checks)] == ["a", "b"]


def test_one_job_per_target_with_the_checks_of_its_family_in_order_of_names() -> None:
    checks = (check("b"), check("a"), check("p", Family.POSTGRESQL))
    found = planned(target("t2"), target("t1", Family.POSTGRESQL), checks=checks)
    assert [(job.job_id, [ref.check for ref in job.checks]) for job in found] == [
        ("standard-1.t1", ["p"]),
        ("standard-1.t2", ["a", "b"]),
    ]


def test_order_of_targets_and_checks_does_not_matter() -> None:
    checks, targets = (check("a"), check("b")), (target("t1"), target("t2"))
    assert planned(*targets, checks=checks) == planned(*targets[::-1], checks=checks[::-1])


def test_gone_targets_and_families_without_a_check_get_no_job() -> None:
    found = planned(target("t1", gone=True), target("t2", Family.MONGODB), checks=(check("a"),))
    assert found == ()


def test_job_never_outlives_the_next_slot_of_its_schedule() -> None:
    assert plan.life("frequent") == timedelta(hours=4)
    assert plan.life("standard") == plan.life("rare") == plan.life("manual") == timedelta(hours=24)


def test_target_with_an_outstanding_job_is_joined_if_that_asks_for_as_much() -> None:
    checks = (check("a"), check("b"))
    few = planned(target("t1"), target("t2"), checks=checks[:1])
    more = planned(target("t1"), target("t2"), checks=checks)
    earlier = msgspec.structs.replace(more[0], job_id="rare-1.t1")
    found, joined = plan.joined(few, {"t1": earlier})
    assert ([job.follows for job in found], joined) == (["rare-1.t1", ""], ("t1",))
    earlier = msgspec.structs.replace(few[0], job_id="rare-1.t1")
    found, joined = plan.joined(more, {"t1": earlier})
    assert ([job.follows for job in found], joined) == (["", ""], ())
