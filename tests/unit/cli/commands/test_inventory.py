"""`stt targets` and `checks`: lists page by page, and a check switched off."""

from __future__ import annotations

from typing import Any

import msgspec

from stt_shared.protocol.codec import decode
from stt_shared.protocol.control import (
    CheckInfo,
    ChecksReply,
    CheckSwitchRequest,
    SwitchReply,
    TargetInfo,
    TargetsReply,
    TargetsRequest,
    Verb,
)
from stt_shared.protocol.enums import Family, Interval, Kind
from tests.support.cli.replies import ON
from tests.support.cli.service import Service, Stt


def target(name: str, **changes: object) -> TargetInfo:
    values: dict[str, Any] = {"target": name, "family": Family.MYSQL, "site": "eu"}
    return TargetInfo(**({"state": "checked"} | values | changes))


def test_targets_are_listed_page_by_page_with_the_reason(service: Service, stt: Stt) -> None:
    def answer(request: TargetsRequest) -> TargetsReply:
        if not request.after:
            return TargetsReply(targets=(target("a"),), next="a")
        refused = target("b", state="unchecked", kind=Kind.AUTH, reason="wrong password")
        return TargetsReply(targets=(refused, target("c", site="us")))

    service.compute(Verb.TARGETS, TargetsRequest, answer)
    _, out, _ = stt("targets", "list", "--site", "eu")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == ["DATABASE", "a", "b"]
    assert rows[2][-1] == "login refused: wrong password"


def test_checks_are_listed_with_their_period_and_switch(service: Service, stt: Stt) -> None:
    info = CheckInfo(
        check="mysql_version",
        family=Family.MYSQL,
        summary="Old version",
        interval=Interval.RARE,
        digest="d",
        enabled=False,
    )
    service.answer(Verb.CHECKS, ChecksReply(checks=(info,)))
    _, out, _ = stt("checks", "list")
    assert out.splitlines()[1].split("\t") == [
        "mysql_version",
        "mysql",
        "78 h",
        "off",
        "Old version",
    ]


def test_a_check_is_switched_off_with_name_and_reason(service: Service, stt: Stt) -> None:
    state = msgspec.structs.replace(ON, disabled_checks=("mysql_version",))
    service.answer(Verb.CHECK_DISABLE, SwitchReply(state=state, changed=True))
    _, out, _ = stt("checks", "disable", "mysql_version", "--reason", "CHG-1", "--by", "ann")
    asked = decode(CheckSwitchRequest, service.asked[0])
    assert (asked.check, asked.reason, asked.by) == ("mysql_version", "CHG-1", "ann")
    assert out == "Done. Disabled checks: mysql_version\n"
