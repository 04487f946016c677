"""An announcement counts only from the account of the worker that it names."""

from __future__ import annotations

import pytest

from stt_coordinator.tasks.guards.foreign_senders import MAX_KEPT, MAX_NAMED, ForeignSenders
from stt_shared.bus.values import LiveMessage
from stt_shared.errors import ProtocolError
from stt_shared.protocol.messages import Announcement
from tests.support.coordinator.coordination import NOW


def heard(worker: str = "w2") -> Announcement:
    return Announcement(
        worker=worker, site="us", version="1", started=NOW, at=NOW, targets=(), pack=""
    )


def sent(account: str) -> LiveMessage:
    return LiveMessage(subject="stt.v1.announce.us.w2", data=b"", account=account)


@pytest.mark.parametrize("account", ["", "STT", "STT-us-w2", "AB3XKEYOFOPERATORMODE", "edge"])
def test_its_own_account_and_those_that_name_no_worker_are_accepted(account: str) -> None:
    senders = ForeignSenders()
    senders.check(sent(account), heard())
    assert senders.sentences() == ()


@pytest.mark.parametrize("account", ["STT-eu-w2", "STT-us-w1", "STT-ops", "STT-us-w2-x"])
def test_another_account_is_refused_counted_and_named(account: str) -> None:
    senders = ForeignSenders()
    for _ in range(3):
        with pytest.raises(ProtocolError, match=f"account {account} announced worker w2") as why:
            senders.check(sent(account), heard())
        assert why.value.code == "wrong_account"
    expected = f"refused 3 announcements of worker w2 at site us: account {account} sent them"
    assert senders.sentences() == (expected,)


def test_invented_names_fill_neither_memory_nor_status() -> None:
    senders = ForeignSenders()
    for number in range(MAX_KEPT + 10):
        with pytest.raises(ProtocolError):
            senders.check(sent("STT-eu-w1"), heard(f"n{number:03}"))
    assert len(senders.sentences()) == MAX_NAMED
