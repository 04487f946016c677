"""Which settings of a server let it lose what it has confirmed, and the sentence about that."""

from __future__ import annotations

import pytest

from stt_coordinator.store.postgresql.health import Durability


def durability(**changes: object) -> Durability:
    values: dict[str, object] = {
        "synchronous_commit": "on",
        "fsync": "on",
        "synchronous_names": "",
        "standbys": 0,
        "synchronous": 0,
        "receivers": 0,
        "hidden": 0,
        "hosts": 1,
    }
    return Durability(**(values | changes))  # type: ignore[arg-type]  # checked by the cases


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"standbys": 2, "synchronous_names": "ANY 1 (*)", "synchronous": 1},
        {"hosts": 2, "synchronous_names": "b"},
        {"standbys": 1, "hidden": 1, "synchronous_names": "b"},
        {"standbys": 1, "synchronous": 1, "receivers": 1, "synchronous_names": "FIRST 2 (*)"},
    ],
)
def test_one_server_or_a_synchronous_standby_keeps_what_it_confirmed(
    changes: dict[str, object],
) -> None:
    assert durability(**changes).risk() == ""


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"synchronous_commit": "off"}, "crashes: synchronous_commit is off"),
        ({"fsync": "off"}, "crashes: fsync is off"),
        ({"standbys": 1}, "another server takes over: no commit waits for a standby"),
        ({"hosts": 2}, "another server takes over"),
        (
            {"standbys": 1, "receivers": 1, "synchronous_names": "*"},
            "another server takes over: no commit waits for a standby",
        ),
        (
            {"standbys": 1, "synchronous_names": "b", "synchronous_commit": "local"},
            "another server takes over",
        ),
    ],
)
def test_an_asynchronous_standby_and_commits_that_do_not_wait_are_named(
    changes: dict[str, object], named: str
) -> None:
    assert named in durability(**changes).risk()
