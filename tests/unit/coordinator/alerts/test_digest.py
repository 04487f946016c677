"""Digests: one mail for many changes, reminders at each severity's rate, none for accepted ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import msgspec
import pytest

from stt_coordinator.alerts import digest
from stt_coordinator.alerts.digest import Digest, last_changes, subject, text
from stt_coordinator.alerts.mail import Mail
from stt_coordinator.alerts.post import ChannelError
from stt_coordinator.store.memory.store import MemoryStore
from stt_shared import clock
from stt_shared.protocol.enums import Change, FindingState, Severity
from stt_shared.protocol.messages import Fix
from stt_shared.protocol.records import FindingEvent
from stt_shared.report.remedy import LEFT_OUT
from stt_shared.settings.alerts import AlertSettings
from tests.support.alerts.events import event, record
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.fleet import ACCEPTED, fill

HOUR = timedelta(hours=1)
SETTINGS = AlertSettings(
    smtp="127.0.0.1:25",
    mail_from="stt@example.com",
    mail_to=("dba@example.com", "lead@example.com"),
    page_url="https://stt",
)


class Office:
    """A mail office with a clock: mails that were sent, or none while it is `closed`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.now = NOW
        self.closed = False
        self.sent: list[EmailMessage] = []
        self.store = MemoryStore()
        self.channel = Mail(msgspec.structs.replace(SETTINGS, **settings), self.store, self.take)
        monkeypatch.setattr(clock, "now", self._now)

    def _now(self) -> datetime:
        return self.now

    def take(self, message: EmailMessage) -> Mapping[str, object]:
        if self.closed:
            raise ChannelError("mail server 127.0.0.1:25 cannot be used")
        self.sent.append(message)
        return {}

    async def add(self, *events: FindingEvent) -> None:
        await self.store.transact(lambda ledger: ledger.history.add(events))

    async def step(self, later: timedelta = timedelta()) -> list[str]:
        """The subjects of what is sent now."""
        self.now += later
        before = len(self.sent)
        await self.channel.step()
        return [str(one["Subject"]) for one in self.sent[before:]]


async def test_the_first_mail_tells_what_is_open_and_without_findings_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office(monkeypatch)
    assert await office.step() == []
    await office.store.transact(fill)
    assert await office.step() == ["[STT] CRITICAL: 2 still open"]
    assert await office.step(HOUR) == []


async def test_changes_of_a_while_make_one_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(monkeypatch)
    await office.step()
    major = record("f_9", Severity.MAJOR)
    await office.add(event(after=major), event(Change.RESOLVED, record("f_8"), record("f_8")))
    assert await office.step() == ["[STT] 1 new, 1 resolved"]
    assert await office.step(HOUR) == []


async def test_open_findings_are_mailed_again_at_the_rate_of_their_severity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office(monkeypatch, remind_critical_h=24.0, remind_major_h=72.0)
    await office.store.transact(fill)
    major = record("f_9", Severity.MAJOR)
    await office.store.transact(lambda ledger: ledger.findings.put([major]))
    assert await office.step() == ["[STT] CRITICAL: 3 still open"]
    assert await office.step(23 * HOUR) == []
    assert await office.step(HOUR) == ["[STT] CRITICAL: 2 still open"]
    assert await office.step(48 * HOUR) == ["[STT] CRITICAL: 3 still open"]


async def test_a_rate_of_zero_never_reminds(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(monkeypatch, remind_critical_h=0.0)
    await office.store.transact(fill)
    assert await office.step() == []
    assert await office.step(1_000 * HOUR) == []


async def test_a_finding_just_sent_as_new_is_not_sent_again_as_a_reminder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office(monkeypatch)
    await office.step()
    await office.store.transact(fill)
    await office.add(event(after=record("f_1")), event(after=record("f_2")))
    assert await office.step() == ["[STT] CRITICAL: 2 new"]
    assert await office.step(HOUR) == []
    assert await office.step(23 * HOUR) == ["[STT] CRITICAL: 2 still open"]


async def test_accepted_findings_are_neither_sent_nor_reminded_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office(monkeypatch)
    await office.step()
    await office.store.transact(fill)
    accepted = [record(id_, accepted=ACCEPTED) for id_ in ("f_1", "f_2")]
    await office.store.transact(lambda ledger: ledger.findings.put(accepted))
    await office.add(event(Change.CHANGED, accepted[0], accepted[0]))
    assert await office.step() == []


async def test_a_mail_that_could_not_be_sent_is_sent_later_with_what_came_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = Office(monkeypatch)
    await office.step()
    await office.add(event(after=record("f_1")))
    office.closed = True
    with pytest.raises(ChannelError):
        await office.step()
    office.closed = False
    await office.add(event(after=record("f_2")))
    assert await office.step() == ["[STT] CRITICAL: 2 new"]


def test_a_digest_shows_the_last_change_of_a_finding_and_the_worst_first() -> None:
    major = record("f_9", Severity.MAJOR)
    resolved = record("f_1", state=FindingState.RESOLVED)
    found = last_changes(
        [event(after=major), event(after=record()), event(Change.RESOLVED, resolved, record())]
    )
    assert [(one.after.id, one.change) for one in found] == [
        ("f_1", Change.RESOLVED),
        ("f_9", Change.OPENED),
    ]


def test_a_digest_says_where_what_and_how_to_fix() -> None:
    one = record(summary="'app'@'%' has no password", remediation="ALTER USER ...")
    shown = text(Digest(changes=[event(after=one)]), "https://stt")
    assert "New (1)" in shown
    assert "critical  t1 (site eu): 'app'@'%' has no password" in shown
    assert "fix: ALTER USER ..." in shown
    assert "https://stt/findings/f_1" in shown
    assert "stt findings show f_1" in text(Digest(reminders=[one], reminders_in_all=1), "")


def test_code_in_a_digest_keeps_its_lines_and_is_never_cut() -> None:
    fix = Fix(
        before="b",
        effect="e",
        persistent="p",
        file="pg_hba.conf",
        lines="local all all peer",
        statement=("DROP ROLE a;" * 40,),
        no_undo="n",
    )
    shown = text(Digest(changes=[event(after=record(remediation=fix.text, fix=fix))]), "")
    lines = [line.strip() for line in shown.splitlines()]
    assert lines[lines.index("fix: # pg_hba.conf") + 1] == "local all all peer"
    assert LEFT_OUT in lines
    assert "DROP ROLE" not in shown


def test_a_long_list_is_cut_and_says_how_much_more_there_is() -> None:
    many = [record(f"f_{number}") for number in range(60)]
    shown = text(Digest(reminders=many, reminders_in_all=6_000), "")
    assert "Still open (6000)" in shown
    assert shown.count("stt findings show") == digest.MAX_LISTED
    assert "and 5950 more: stt findings list" in shown


def test_texts_of_a_database_cannot_form_lines_or_headers_of_a_mail() -> None:
    evil = record(summary="x\r\nBcc: all@example.com\r\n.\r\nDATA\x1b[2J")
    found = Digest(changes=[event(after=evil)])
    made = digest.mail(SETTINGS, subject(found), text(found, ""), NOW)
    assert made["Bcc"] is None
    assert "x Bcc: all@example.com . DATA [2J" in made.get_content()
    assert (made["To"], made["Auto-Submitted"]) == (
        "dba@example.com, lead@example.com",
        "auto-generated",
    )
