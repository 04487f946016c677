"""`stt status`, `enable` and what every command says when it is refused or nobody answers."""

from __future__ import annotations

import pytest

from stt_shared.bus.values import RequestError
from stt_shared.errors import UnreachableError
from stt_shared.protocol.codec import decode, encode
from stt_shared.protocol.control import (
    SwitchReply,
    SwitchRequest,
    Verb,
)
from stt_shared.protocol.messages import ControlState
from tests.support.cli import samples
from tests.support.cli.replies import ON
from tests.support.cli.service import Service, Stt


def test_status_speaks_to_people_and_gates_nothing(service: Service, stt: Stt) -> None:
    service.answer(Verb.STATUS, samples.status())
    code, out, err = stt("status")
    assert code == 0
    assert out.startswith("Checks are on since 2 Nov 16:30 UTC (by dba-oncall")
    assert err == ["Try: stt findings list --severity critical"]


def test_status_as_json_is_the_reply(service: Service, stt: Stt) -> None:
    service.answer(Verb.STATUS, samples.status())
    _, out, _ = stt("status", "-o", "json")
    assert decode(type(samples.status()), out.encode()) == samples.status()


def test_nobody_answering_is_exit_4_with_what_to_do(stt: Stt) -> None:
    code, out, err = stt("status", "--nats-url", "nats://n:1")
    assert (code, out) == (4, "")
    assert err[0] == "error: no coordinator answers on NATS at nats://n:1 (no responders)"
    assert "stt coordinator" in err[1]
    assert err[-1].startswith("exit 4: ")


def test_a_standby_that_cannot_lead_is_exit_4_with_what_nats_answered(
    service: Service, stt: Stt
) -> None:
    why = "two, standby since T: the lease cannot be taken (no acknowledgement within 5 s)"
    service.answer(Verb.STATUS, RequestError("no_leader", why))
    code, out, err = stt("status", "--nats-url", "nats://n:1")
    assert (code, out) == (4, "")
    assert err[0] == f"error: no coordinator leads on NATS at nats://n:1 ({why})"
    assert "free space on the disk of nats-server" in err[1]


def test_a_request_without_an_answer_is_followed_by_one_for_the_reason_of_3_s_at_most(
    service: Service, stt: Stt
) -> None:
    why = "epoch 3: the lease was not renewed for 12 s (no acknowledgement within 5 s): it waits"
    service.answer(Verb.RUN, UnreachableError("no answer in time"))
    service.answer(Verb.STATUS, RequestError("no_leader", why))
    code, out, err = stt("run", "--by", "ann", "--nats-url", "nats://n:1")
    assert (code, out) == (4, "")
    assert err[0] == f"error: no coordinator leads on NATS at nats://n:1 ({why})"
    assert len(service.timeouts) == 2
    assert service.timeouts[1] <= 3
    service.answer(Verb.STATUS, UnreachableError("no answer in time"))
    code, _, err = stt("run", "--by", "ann", "--nats-url", "nats://n:1")
    assert code == 4
    assert err[0] == "error: no coordinator answers on NATS at nats://n:1 (no answer in time)"
    assert len(service.timeouts) == 4


def test_a_standby_without_its_store_is_exit_4_and_sends_nobody_to_the_disk_of_nats(
    service: Service, stt: Stt
) -> None:
    why = "two, standby since T: cannot connect to the store (connection refused)"
    service.answer(Verb.STATUS, RequestError("no_store", why))
    code, out, err = stt("status", "--nats-url", "nats://n:1")
    assert (code, out) == (4, "")
    assert err[0] == f"error: no coordinator leads on NATS at nats://n:1 ({why})"
    assert "coordinator.store" in err[1]
    assert "nats-server" not in "".join(err)


def test_enable_says_who_and_why_and_names_the_first_run(service: Service, stt: Stt) -> None:
    service.answer(Verb.ENABLE, SwitchReply(state=ON, changed=True, run_id="r1"))
    code, out, err = stt("enable", "--by", "ann", "--reason", "why")
    asked = decode(SwitchRequest, service.asked[0])
    assert (asked.by, asked.reason) == ("ann", "why")
    assert (code, out) == (0, 'Checks are on since 16:30 UTC (by ann: "why").\n')
    assert err == ["First run r1 has started.  Follow: stt status"]


def test_by_default_the_users_name_is_sent(
    service: Service, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "bea")
    service.answer(Verb.DISABLE, SwitchReply(state=ControlState(), changed=False))
    _, out, _ = stt("disable")
    assert decode(SwitchRequest, service.asked[0]).by == "bea"
    assert out.endswith("Nothing changed.\n")


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        (RequestError("unknown_target", "unknown target 'x'"), 2, "  see: stt targets list"),
        (RequestError("bad_request", "no"), 2, "exit 2: wrong usage or configuration"),
        (
            RequestError("no_targets", "no targets are known"),
            2,
            "  start a worker with targets, then see: stt targets list",
        ),
        (
            RequestError("internal", "oops"),
            4,
            "exit 4: NATS, the coordinator or its store cannot be reached",
        ),
    ],
)
def test_a_refusal_has_its_exit_code_and_a_way_on(
    service: Service, stt: Stt, error: RequestError, code: int, hint: str
) -> None:
    service.answer(Verb.RUN, error)
    found, _, err = stt("run", "--target", "x")
    assert found == code
    assert error.message in err[0]
    assert err[1] == hint


def test_a_newer_coordinator_is_named_as_the_reason(
    service: Service, stt: Stt, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = encode(samples.status()).replace(b"status-reply/v1", b"status-reply/v2")
    monkeypatch.setattr(service, "answers", {"stt.v1.control.status": lambda _: newer})
    code, _, err = stt("status")
    assert code == 2
    assert "this version understands up to v1" in err[0]
    assert "upgrade" in err[1]
