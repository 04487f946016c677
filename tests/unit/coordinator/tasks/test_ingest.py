"""What is no result, or not the result its subject says, is refused by name before it is stored."""

from __future__ import annotations

import msgspec
import pytest

from stt_coordinator.tasks.ingest import read_delivery
from stt_shared.bus.values import Delivery
from stt_shared.errors import ProtocolError
from stt_shared.protocol import codec
from stt_shared.protocol.codec import MAX_MESSAGE_BYTES
from tests.support.coordinator.coordination import passed
from tests.support.coordinator.ledgers import result

SUBJECT = "stt.v1.result.mysql.eu-west.t1.w1"
GOOD = result("t1", passed("c1"), passed("c2"))


def delivery(data: bytes, subject: str = SUBJECT) -> Delivery:
    return Delivery(subject=subject, data=data, headers={}, sequence=1, delivered=1, lease="l")


def changed(**changes: object) -> bytes:
    return codec.encode(msgspec.structs.replace(GOOD, **changes))


def refusal(data: bytes, subject: str = SUBJECT) -> str:
    with pytest.raises(ProtocolError) as caught:
        read_delivery(delivery(data, subject))
    assert caught.value.message
    return caught.value.code


def test_result_on_its_own_subject_is_taken() -> None:
    assert read_delivery(delivery(codec.encode(GOOD))).result == GOOD


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\x00 garbage", "malformed"),
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b'{"schema": "stt.result/v1"}', "malformed"),
        (b'{"schema": "stt.job/v1"}', "wrong_schema"),
        (b'{"schema": "stt.result/v2"}', "newer_major"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "too_large"),
        (changed(site="us"), "wrong_site"),
        (changed(target="t2"), "wrong_subject"),
        (changed(worker="w2"), "wrong_subject"),
        (changed(sequence=0), "wrong_position"),
        (changed(sequence=2**63), "malformed"),
        (changed(epoch=""), "wrong_position"),
        (changed(job_id="j" * 1000), "wrong_job"),
    ],
)
def test_message_that_is_not_a_result_of_its_subject_is_rejected_with_a_code(
    data: bytes, code: str
) -> None:
    assert refusal(data) == code


@pytest.mark.parametrize(
    "subject",
    [
        "stt.v1.result.mysql.eu-west.t1",
        "stt.v1.result.mysql.eu-west.t1.w1.more",
        "stt.v1.result.mysql.eu-west.t1.W1",
        "stt.v1.job.mysql.eu-west.t1.w1",
    ],
)
def test_subject_that_no_result_comes_on_is_refused(subject: str) -> None:
    assert refusal(codec.encode(GOOD), subject) == "wrong_subject"
