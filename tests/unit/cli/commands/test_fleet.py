"""`stt workers` and whom databases belong to in `stt targets`."""

from __future__ import annotations

import msgspec
import pytest

from stt_shared.bus.values import RequestError
from stt_shared.protocol.control import (
    TargetClaim,
    TargetInfo,
    TargetsReply,
    Verb,
    WorkerInfo,
)
from stt_shared.protocol.enums import Family
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt
from tests.support.coordinator.coordination import NOW


def test_a_second_worker_of_a_name_is_marked_while_it_is_up(service: Service, stt: Stt) -> None:
    first = WorkerInfo(worker="w1", site="eu", state="up", version="1", last_heard=NOW, targets=2)
    second = msgspec.structs.replace(first, worker="w1~second00", double_of="w1")
    gone = msgspec.structs.replace(second, worker="w1~third000", state="down")
    reply = msgspec.structs.replace(samples.status(), workers=(first, second, gone))
    service.answer(Verb.STATUS, reply)
    _, out, _ = stt("workers", "list")
    rows = [line.split("\t") for line in out.splitlines()[1:]]
    assert [row[2] for row in rows] == ["up", "up", "down"]
    assert [row[-1] for row in rows] == ["", "second worker of the name w1", ""]


def test_claims_on_a_database_name_worker_site_and_another_type(service: Service, stt: Stt) -> None:
    claims = tuple(
        TargetClaim(worker=worker, site="us", family=family, since=NOW)
        for worker, family in (("w8", Family.MYSQL), ("w9", Family.POSTGRESQL))
    )
    one = TargetInfo(target="a", family=Family.MYSQL, site="eu", state="checked", claims=claims)
    service.answer(Verb.TARGETS, TargetsReply(targets=(one,)))
    _, out, _ = stt("targets", "list")
    assert out.splitlines()[1].split("\t")[-1] == "claimed by w8 (us), w9 (us, as PostgreSQL)"


MOVE = ("targets", "move", "a", "--to", "x")


@pytest.mark.parametrize(
    ("words", "verb", "refusal"),
    [
        (
            ("targets", "move", "a", "--to", "x"),
            Verb.TARGET_MOVE,
            ("not_announced", "stt targets list"),
        ),
        (
            ("targets", "move", "a", "--to", "x"),
            Verb.TARGET_MOVE,
            ("unknown_target", "stt targets list"),
        ),
        (("targets", "forget", "a"), Verb.TARGET_FORGET, ("in_use", "stt targets list")),
        (("workers", "forget", "w"), Verb.WORKER_FORGET, ("in_use", "stt workers list")),
        (("workers", "forget", "w"), Verb.WORKER_FORGET, ("unknown_worker", "stt workers list")),
    ],
)
def test_what_is_refused_is_wrong_usage_and_no_failure_of_the_coordinator(
    service: Service, stt: Stt, words: tuple[str, ...], verb: Verb, refusal: tuple[str, str]
) -> None:
    code, hint = refusal
    service.answer(verb, RequestError(code, "the reason"))
    exit_code, out, err = stt(*words)
    assert (exit_code, out) == (2, "")
    assert err[0] == "error: the reason"
    assert hint in err[1]
    assert err[-1] == "exit 2: wrong usage or configuration"
