"""Changes of findings posted to an address: signed, in order, none lost in a restart."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote

import msgspec

from stt_coordinator.alerts.alert_filter import is_news, link
from stt_coordinator.alerts.post import Post
from stt_coordinator.store.port import Ledger, Store
from stt_shared import clock
from stt_shared.protocol.messages import Fix
from stt_shared.protocol.records import FindingEvent
from stt_shared.report import remedy
from stt_shared.settings.alerts import AlertSettings

CURSOR = "webhook"
SCHEMA = "stt.webhook/v1"
BATCH = 100  # events a post
EVERY_S = 5.0
LONGEST_PAUSE_S = 300.0
MAX_CHARACTERS = 2_000  # of each text
MAX_FIX_CHARACTERS = 8_000  # of a remediation as data, in JSON
TIMESTAMP = "STT-Timestamp"  # seconds since 1970, part of what is signed
SIGNATURE = "STT-Signature"  # v1= and the HMAC-SHA256 in hex
DELIVERY = "STT-Delivery"  # positions of the first and the last event in the history


class WebhookFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as it is posted: without evidence."""

    id: str
    severity: str
    check: str
    database: str
    engine: str
    site: str
    object: str
    summary: str
    description: str
    remediation: str
    url: str
    fix: Fix | None


class WebhookEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change; `id` is the same for every try and over NATS."""

    id: str
    change: str
    at: datetime
    finding: WebhookFinding


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a post; `test` marks a test without events."""

    events: list[WebhookEvent]
    test: bool = False
    schema: str = SCHEMA


def webhook_event(event: FindingEvent, page_url: str) -> WebhookEvent:
    """An event as it is posted."""
    one = event.after
    return WebhookEvent(
        id=f"{one.id}.{event.change}.{clock.unix_nanoseconds(event.at)}",
        change=str(event.change),
        at=event.at,
        finding=WebhookFinding(
            id=one.id,
            severity=str(one.severity),
            check=one.check,
            database=one.target,
            engine=str(one.family),
            site=one.site,
            object=(one.object or "")[:MAX_CHARACTERS],
            summary=one.summary[:MAX_CHARACTERS],
            description=one.description[:MAX_CHARACTERS],
            remediation=remedy.text_at_most(one, MAX_CHARACTERS),
            url=link(page_url, one.id),
            fix=remedy.at_most(one.fix, MAX_FIX_CHARACTERS),
        ),
    )


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of the header SIGNATURE: over the timestamp, a dot, and the body."""
    # With the timestamp: a recorded post cannot be sent again later as a fresh one.
    signed = f"{timestamp}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


async def send(
    post: Post, settings: AlertSettings, body: Body, now: datetime, delivery: str
) -> None:
    """Post a signed body; raises ChannelError."""
    data = msgspec.json.encode(body)
    timestamp = str(int(now.timestamp()))
    headers = {
        TIMESTAMP: timestamp,
        SIGNATURE: signature(settings.webhook_secret, timestamp, data),
        DELIVERY: quote(delivery),
    }
    await post(settings.webhook, data, headers)


class Webhook:
    """The channel: `step` posts the events after the last position that was accepted."""

    name = "webhook"
    every_s = EVERY_S
    longest_pause_s = LONGEST_PAUSE_S

    def __init__(self, settings: AlertSettings, store: Store, post: Post) -> None:
        self._settings = settings
        self._store = store
        self._post = post

    async def step(self) -> str:
        """Post all new events; raises ChannelError, StoreError. The first step posts nothing."""
        cursor = await self._store.transact(lambda ledger: start_cursor(ledger, CURSOR))
        least, page_url = self._settings.severity, self._settings.page_url
        while rows := await self._store.read(
            lambda ledger, after=cursor: ledger.history.after(after, BATCH)  # type: ignore[misc]  # bound now
        ):
            news = [webhook_event(event, page_url) for _, event in rows if is_news(event, least)]
            if news:
                delivery = f"{rows[0][0]}-{rows[-1][0]}"
                await send(self._post, self._settings, Body(events=news), clock.now(), delivery)
            # After the post: a crash in between posts the events twice, with the same ids.
            cursor = rows[-1][0]
            await self._store.transact(
                lambda ledger, to=cursor: ledger.history.put_cursor(CURSOR, to)  # type: ignore[misc]  # bound now
            )
        return ""


def start_cursor(ledger: Ledger, name: str) -> int:
    """The position of a reader of the history; a new reader starts at its end."""
    cursor = ledger.history.cursor(name)
    if cursor is None:
        # At the end: a new receiver must not get the whole history.
        cursor = ledger.history.last_position()
        ledger.history.put_cursor(name, cursor)
    return cursor
