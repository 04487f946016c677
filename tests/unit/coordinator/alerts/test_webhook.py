"""The webhook: what is news, in order, signed, at least once, from a cursor in the store."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stt_coordinator.alerts import webhook
from stt_coordinator.alerts.alert_filter import is_news
from stt_coordinator.alerts.channels import channels, verified
from stt_coordinator.alerts.post import ChannelError
from stt_coordinator.alerts.webhook import Webhook, signature
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Store
from stt_coordinator.store.ports.retention import Before
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.records import FindingEvent
from stt_shared.settings.alerts import AlertSettings
from tests.support.alerts.events import SECRET, add, event, record
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.fleet import ACCEPTED

SETTINGS = AlertSettings(webhook="https://hooks.example/T0", webhook_secret=SECRET)


class Receiver:
    """Takes posts, or refuses the next `failures`."""

    def __init__(self) -> None:
        self.failures = 0
        self.taken: list[tuple[bytes, Mapping[str, str]]] = []

    async def __call__(self, _url: str, body: bytes, headers: Mapping[str, str]) -> None:
        if self.failures:
            self.failures -= 1
            raise ChannelError("https://hooks.example answers 503")
        self.taken.append((body, headers))

    @property
    def ids(self) -> list[str]:
        return [
            one["finding"]["id"]
            for body, _ in self.taken
            for one in msgspec.json.decode(body)["events"]
        ]


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else await open_store(tmp_path)
    yield made
    await made.close()


async def test_nothing_of_the_past_is_posted_and_everything_from_then_on(store: Store) -> None:
    await add(store, "f_old")
    receiver = Receiver()
    hook = Webhook(SETTINGS, store, receiver)
    await hook.step()
    await add(store, "f_1", "f_2")
    await hook.step()
    await hook.step()
    assert receiver.ids == ["f_1", "f_2"]


async def test_what_was_refused_is_posted_again_and_nothing_is_skipped(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "BATCH", 2)
    receiver = Receiver()
    hook = Webhook(SETTINGS, store, receiver)
    await hook.step()
    await add(store, *(f"f_{number}" for number in range(5)))
    for failures in (1, 1):
        receiver.failures = failures
        with pytest.raises(ChannelError):
            await hook.step()
    await hook.step()
    assert receiver.ids == [f"f_{number}" for number in range(5)]


async def test_a_coordinator_that_was_away_posts_what_came_meanwhile(tmp_path: Path) -> None:
    store, receiver = await open_store(tmp_path), Receiver()
    await Webhook(SETTINGS, store, receiver).step()
    await add(store, "f_1")
    await store.close()
    store = await open_store(tmp_path)
    await Webhook(SETTINGS, store, receiver).step()
    await store.close()
    assert receiver.ids == ["f_1"]


async def test_a_history_that_was_pruned_hides_no_later_event(store: Store) -> None:
    receiver = Receiver()
    hook = Webhook(SETTINGS, store, receiver)
    await hook.step()
    await add(store, "f_1", "f_2")
    await hook.step()
    after = NOW + timedelta(days=1)
    old = Before(full=after, daily=after, audit=after)
    await store.transact(lambda led: led.retention.prune(old, 99))
    await hook.step()
    await add(store, "f_3")
    await hook.step()
    assert receiver.ids == ["f_1", "f_2", "f_3"]


async def test_a_receiver_can_verify_the_signature_as_documented() -> None:
    store, receiver = MemoryStore(), Receiver()
    hook = Webhook(SETTINGS, store, receiver)
    await hook.step()
    await add(store, "f_1")
    await hook.step()
    ((body, headers),) = receiver.taken
    signed = headers["STT-Timestamp"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["STT-Signature"] == f"v1={expected}"
    assert signature(SECRET, headers["STT-Timestamp"], body + b" ") != headers["STT-Signature"]


async def test_a_post_carries_no_evidence_and_links_to_the_page() -> None:
    store, receiver = MemoryStore(), Receiver()
    hook = Webhook(msgspec.structs.replace(SETTINGS, page_url="https://stt"), store, receiver)
    await hook.step()
    one = event(after=record(evidence=({"user": "root-of-evidence"},)))
    await store.transact(lambda ledger: ledger.history.add([one]))
    await hook.step()
    ((body, _),) = receiver.taken
    assert b"root-of-evidence" not in body
    (reported,) = msgspec.json.decode(body)["events"]
    assert reported["finding"]["url"] == "https://stt/findings/f_1"


@pytest.mark.parametrize(
    ("one", "news"),
    [
        (event(), True),
        (event(after=record(severity=Severity.TRIVIAL)), False),
        (event(Change.CHANGED, record(severity=Severity.TRIVIAL), record()), True),
        (event(after=record(accepted=ACCEPTED)), False),
        (event(Change.CHANGED, record(accepted=ACCEPTED), record(accepted=ACCEPTED)), False),
        (event(Change.RESOLVED, record(), record(accepted=ACCEPTED)), False),
        (event(Change.RESOLVED, record(), record()), True),
        (event(Change.ACCEPTED, record(accepted=ACCEPTED), record()), True),
        (event(Change.ACCEPTED, record(accepted=ACCEPTED)), False),
        (event(Change.UNACCEPTED, record(), record(accepted=ACCEPTED)), True),
    ],
)
def test_changes_are_sent_but_not_those_of_accepted_or_trivial_findings(
    one: FindingEvent, news: bool
) -> None:
    assert is_news(one, "major") is news


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"webhook": "https://hooks.example/T0"}, "alerts.webhook_secret is not"),
        ({"smtp": "mail.example:25"}, "alerts.mail_from and alerts.mail_to are not both"),
        (
            {"smtp": "mail.example:25", "smtp_tls": "off"},
            "alerts.smtp_tls is off and alerts.smtp is mail.example",
        ),
        ({"smtp_password": "x"}, "alerts.smtp_user is not"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(wrong: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        verified(AlertSettings(**wrong))


def test_a_channel_is_there_for_each_address_and_none_by_default() -> None:
    store = MemoryStore()
    assert channels(AlertSettings(), store) == ()
    every = AlertSettings(
        alertmanager=("http://am:9093",),
        webhook="https://hooks.example/T0",
        webhook_secret=SECRET,
        smtp="127.0.0.1:25",
        mail_from="stt@example.com",
        mail_to=("dba@example.com",),
    )
    assert [one.name for one in channels(every, store)] == ["alertmanager", "webhook", "mail"]


def test_a_ca_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match=r"alerts.ca '/nowhere' cannot be used \(no such file"):
        channels(AlertSettings(ca="/nowhere"), MemoryStore())
