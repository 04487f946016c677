"""The doctor names the coordinator that acts and its standbys, and warns where none is possible."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from stt_cli.doctor.coordinator import lease, lines
from stt_shared.protocol.coordinators import CoordinatorInfo, Standby
from stt_shared.protocol.queries.health import HealthReply
from tests.support.cli.samples import status
from tests.support.coordinator.coordination import NOW

ACTS = CoordinatorInfo(
    name="a", host="one", epoch=3, since=NOW - timedelta(hours=2), store="s", fenced=True
)


def test_who_leads_since_when_and_who_stands_by_is_one_line() -> None:
    line = lease(ACTS, NOW)
    assert (str(line.level), line.what) == ("ok", "coordinator lease")
    assert line.seen.startswith("leader a on one since ")
    assert line.seen.endswith("(epoch 3), standby: none")
    behind = Standby(name="b", host="two", since=NOW, obstacle="the folder is locked")
    line = lease(msgspec.structs.replace(ACTS, standbys=(behind,)), NOW)
    assert line.seen.endswith("(epoch 3), standby: b on two (the folder is locked)")


def test_an_old_server_that_refuses_nothing_late_is_a_warning_with_what_to_do() -> None:
    line = lease(msgspec.structs.replace(ACTS, fenced=False), NOW)
    assert str(line.level) == "warn"
    assert line.seen.endswith("; no standby is possible")
    assert line.todo == "use nats-server 2.11 or newer"


def test_the_line_stands_among_those_of_the_coordinator() -> None:
    health = HealthReply(now=NOW, version="1", parts=(), coordinator=ACTS)
    assert "coordinator lease" in [line.what for line in lines(status(), health, NOW)]
