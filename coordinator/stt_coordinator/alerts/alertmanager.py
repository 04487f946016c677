"""An alert for each open finding, pushed to every Alertmanager: repeated, then resolved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from stt_coordinator.alerts.alert_filter import SEVERITY_OUTWARDS, is_accepted, link, severities
from stt_coordinator.alerts.post import ChannelError, Post
from stt_coordinator.store.port import Ledger, Store
from stt_shared import clock
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.records import FindingRecord
from stt_shared.report import readable, remedy
from stt_shared.settings.alerts import AlertSettings

PATH = "/api/v2/alerts"
NAME = "SttFailedCheck"
LIVES = 4  # intervals that an alert lasts if it is not sent again
RESOLVED_FOR = timedelta(minutes=5)  # that an ended alert is still sent
MAX_ALERTS = 10_000  # sent, most severe first
BATCH = 500  # alerts a request
MAX_CHARACTERS = 4_096  # of each annotation
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Alert(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An alert of Alertmanager's API v2; its labels are its identity."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    generator_url: str = msgspec.field(name="generatorURL", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFindings:
    """Open findings with the labels of their targets; `left_out` are beyond MAX_ALERTS."""

    findings: Sequence[FindingRecord]
    labels: Mapping[str, Mapping[str, str]]
    left_out: int = 0


def open_findings(ledger: Ledger, least: str) -> OpenFindings:
    """The findings to push, most severe first."""
    query = FindingsRequest(severities=severities(least), limit=MAX_ALERTS)
    records, total = ledger.findings.page(query)
    rows = ledger.fleet.targets({record.target for record in records})
    return OpenFindings(
        findings=[record for record in records if not is_accepted(record)],
        labels={name: row.labels for name, row in rows.items()},
        left_out=total - len(records),
    )


def alert(
    record: FindingRecord,
    target_labels: Mapping[str, str],
    *,
    now: datetime,
    lasts: timedelta = timedelta(minutes=LIVES),
    page_url: str = "",
) -> Alert:
    """The alert of an open finding; no label changes while the finding is open."""
    own = {
        "alertname": NAME,
        "severity": SEVERITY_OUTWARDS[record.severity],
        "stt_severity": str(record.severity),
        "check": record.check,
        "database": record.target,
        "engine": str(record.family),
        "site": record.site,
        "finding_id": record.id,
    }
    others = {name: text for name, text in target_labels.items() if _LABEL.fullmatch(name) and text}
    texts = {
        "summary": f"{record.target}: {record.summary}",
        "object": record.object or "",
        "description": record.description,
        "remediation": _remediation(record),
        "runbook_url": record.read_more_url if readable.is_web_link(record.read_more_url) else "",
    }
    return Alert(
        labels=others | own,
        annotations={name: text[:MAX_CHARACTERS] for name, text in texts.items() if text},
        # Alertmanager rejects a whole request if one alert of it ends before it starts.
        starts_at=min(record.since or record.first_seen, now),
        ends_at=now + lasts,
        generator_url=link(page_url, record.id),
    )


def _remediation(record: FindingRecord) -> str:
    """With its effect, and without statements where they would be cut."""
    whole = remedy.plain(record)
    if len(whole) <= MAX_CHARACTERS or record.fix is None:
        return whole
    return remedy.plain(msgspec.structs.replace(record, fix=remedy.at_most(record.fix, 0)))


Key = tuple[tuple[str, str], ...]


def key_of(one: Alert) -> Key:
    """The identity of an alert: its labels."""
    return tuple(sorted(one.labels.items()))


@dataclass(frozen=True, slots=True)
class Ended:
    """An alert that has ended, and until when its end is sent."""

    alert: Alert
    until: datetime


class AlertMemory:
    """The alerts that fire or have just ended; those of an earlier process expire by themselves."""

    def __init__(self) -> None:
        self._firing: dict[Key, Alert] = {}
        self._ended: dict[Key, Ended] = {}

    def turn(self, firing: Iterable[Alert], now: datetime) -> list[Alert]:
        """Everything to send while the alerts of `firing` fire."""
        before, self._firing = self._firing, {key_of(one): one for one in firing}
        for key, one in before.items():
            if key not in self._firing:
                over = msgspec.structs.replace(one, ends_at=max(now, one.starts_at))
                self._ended[key] = Ended(over, now + RESOLVED_FOR)
        self._ended = {
            key: one
            for key, one in self._ended.items()
            if key not in self._firing and now <= one.until
        }
        return [*self._firing.values(), *(one.alert for one in self._ended.values())]


class Push:
    """The channel: `step` sends all open findings to every Alertmanager."""

    name = "alertmanager"

    def __init__(self, settings: AlertSettings, store: Store, post: Post) -> None:
        self._settings = settings
        self._store = store
        self._post = post
        self._memory = AlertMemory()

    @property
    def every_s(self) -> float:
        """Seconds between two steps."""
        return self._settings.alertmanager_every_s

    @property
    def longest_pause_s(self) -> float:
        """As above: while one Alertmanager is down, alerts of the others must not expire."""
        return self.every_s

    async def step(self) -> str:
        """Send everything; raises ChannelError if an Alertmanager fails, and StoreError."""
        found = await self._store.read(
            lambda ledger: open_findings(ledger, self._settings.severity)
        )
        now = clock.now()
        lasts, page_url = timedelta(seconds=LIVES * self.every_s), self._settings.page_url
        firing = [
            alert(one, found.labels.get(one.target, {}), now=now, lasts=lasts, page_url=page_url)
            for one in found.findings
        ]
        await send(self._post, self._settings.alertmanager, self._memory.turn(firing, now))
        if not found.left_out:
            return ""
        return f"{found.left_out} open findings are not pushed, the limit is {MAX_ALERTS}"


async def send(post: Post, bases: Sequence[str], alerts: Sequence[Alert]) -> None:
    """Send to every Alertmanager, also after one failed; raises ChannelError with all failures."""
    faults: list[str] = []
    bodies = [
        msgspec.json.encode(alerts[begin : begin + BATCH]) for begin in range(0, len(alerts), BATCH)
    ]
    for base in bases:
        try:
            for body in bodies:
                await post(base.rstrip("/") + PATH, body, {})
        except ChannelError as error:
            faults.append(error.message)
    if faults:
        raise ChannelError("; ".join(faults))


def sample(now: datetime, page_url: str) -> Alert:
    """A test alert, which expires after a minute."""
    return Alert(
        labels={"alertname": "SttTest", "severity": "info", "stt_severity": "trivial"},
        annotations={"summary": "A test of the Security Threat Tool: stt alerts test"},
        starts_at=now,
        ends_at=now + timedelta(minutes=1),
        generator_url=page_url,
    )
