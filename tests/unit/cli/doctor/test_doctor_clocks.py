"""The doctor names clocks that disagree, and instants in the future."""

from __future__ import annotations

import msgspec
import pytest

from stt_cli.doctor.coordinator import agreement, stored_instants
from stt_shared.protocol.queries.health import HealthReply
from tests.support.coordinator.coordination import NOW

HEALTH = HealthReply(now=NOW, version="1", parts=())


@pytest.mark.parametrize(
    ("clock", "level", "seen"),
    [
        ("", "ok", "the coordinator's clock is -0.4 s from that of the NATS server"),
        ("the clock of the NATS server jumped 1 h back", "fail", "jumped 1 h back"),
        (None, "warn", "the coordinator does not compare clocks"),
    ],
)
def test_clocks_that_disagree_are_a_failure_that_names_the_one_that_jumped(
    clock: str | None, level: str, seen: str
) -> None:
    line = agreement(msgspec.structs.replace(HEALTH, clock=clock, offset_s=-0.4))
    assert (str(line.level), line.what) == (level, "clock agreement")
    assert seen in line.seen


def test_instants_in_the_future_are_counted_by_what_has_them() -> None:
    assert stored_instants(HEALTH).seen == "none lies in the future"
    line = stored_instants(msgspec.structs.replace(HEALTH, future={"runs": 2, "history": 7}))
    assert str(line.level) == "warn"
    assert "2 runs, 7 history" in line.seen
