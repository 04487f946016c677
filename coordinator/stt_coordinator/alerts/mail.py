"""Digests by SMTP: of changes, and reminders of open findings at a rate for each severity."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from stt_coordinator.alerts.alert_filter import is_accepted, is_news, severities
from stt_coordinator.alerts.digest import MAX_LISTED, Digest, last_changes, mail, subject, text
from stt_coordinator.alerts.post import ChannelError
from stt_coordinator.alerts.webhook import start_cursor
from stt_coordinator.store.port import Ledger, Store
from stt_shared import clock
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.settings.alerts import AlertSettings

CURSOR = "mail"
TIMEOUT_S = 20.0  # of each answer of the mail server
LONGEST_PAUSE_S = 900.0
MAX_EVENTS = 5_000  # read for one mail
HOUR_S = 3_600
MAX_REPLY_CHARACTERS = 200  # of the mail server, shown
TLS, STARTTLS = "tls", "starttls"

Deliver = Callable[[EmailMessage], Mapping[str, object]]  # whom the server refused


class Smtp:
    """Delivers mails to the configured server; a call raises ChannelError."""

    def __init__(self, settings: AlertSettings, context: ssl.SSLContext) -> None:
        self._settings = settings
        self._context = context

    def __call__(self, message: EmailMessage) -> Mapping[str, object]:
        """Deliver; returns the refused recipients if others were accepted. Raises ChannelError."""
        where = self._settings.smtp
        try:
            with self._connected() as server:
                if self._settings.smtp_user:
                    server.login(self._settings.smtp_user, self._settings.smtp_password)
                return server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            who = ", ".join(error.recipients)
            raise ChannelError(f"mail server {where} refuses {who}") from error
        except smtplib.SMTPResponseException as error:
            reply = error.smtp_error
            words = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
            answer = f"{error.smtp_code} {' '.join(words.split())[:MAX_REPLY_CHARACTERS]}"
            raise ChannelError(f"mail server {where} answers {answer}") from error
        except UnicodeError as error:  # its text contains a part of the password
            raise ChannelError(
                f"mail server {where} supports only ASCII user names and passwords"
            ) from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            why = str(getattr(error, "strerror", None) or error).lower()
            raise ChannelError(f"mail server {where} cannot be used ({why})") from error

    def _connected(self) -> smtplib.SMTP:
        host, _, port = self._settings.smtp.rpartition(":")
        host = host.strip("[]")
        if self._settings.smtp_tls == TLS:
            return smtplib.SMTP_SSL(host, int(port), timeout=TIMEOUT_S, context=self._context)
        server = smtplib.SMTP(host, int(port), timeout=TIMEOUT_S)
        if self._settings.smtp_tls == STARTTLS:
            try:
                server.starttls(context=self._context)
            except BaseException:
                server.close()
                raise
        return server


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A digest, how far it reads the history, and whose reminders it holds."""

    digest: Digest
    position: int
    reminded: tuple[Severity, ...] = ()


def due(ledger: Ledger, settings: AlertSettings, cursor: int, now: datetime) -> Due:
    """The digest that is due: changes after `cursor`, and reminders of the severities due now."""
    rows = ledger.history.after(cursor, MAX_EVENTS)
    changes = last_changes(event for _, event in rows if is_news(event, settings.severity))
    turn = tuple(s for s in severities(settings.severity) if _is_turn(ledger, settings, s, now))
    # MAX_EVENTS more than a mail lists: findings that the mail lists as changes drop out.
    wanted = FindingsRequest(severities=turn, limit=MAX_LISTED + MAX_EVENTS)
    open_now, total = ledger.findings.page(wanted) if turn else ([], 0)
    changed = {event.after.id for event in changes}
    reminders = [one for one in open_now if one.id not in changed and not is_accepted(one)]
    beyond = total - len(open_now)
    return Due(
        digest=Digest(
            changes=changes, reminders=reminders, reminders_in_all=len(reminders) + beyond
        ),
        position=rows[-1][0] if rows else cursor,
        reminded=turn,
    )


def _is_turn(ledger: Ledger, settings: AlertSettings, severity: Severity, now: datetime) -> bool:
    hours: float = getattr(settings, f"remind_{severity}_h")
    last = ledger.history.cursor(reminder(severity)) or 0
    return hours > 0 and now.timestamp() - last >= hours * HOUR_S


def reminder(severity: Severity) -> str:
    """The cursor that holds when open findings of a severity were last mailed: UNIX seconds."""
    return f"{CURSOR}.{severity}"


class Mail:
    """The channel: `step` sends at most one digest."""

    name = "mail"
    longest_pause_s = LONGEST_PAUSE_S

    def __init__(self, settings: AlertSettings, store: Store, deliver: Deliver) -> None:
        self._settings = settings
        self._store = store
        self._deliver = deliver

    @property
    def every_s(self) -> float:
        """Seconds between two digests at the least."""
        return self._settings.mail_every_s

    async def step(self) -> str:
        """Send at most one digest; raises ChannelError, StoreError.

        The first digest of all lists what is open.
        """
        now = clock.now()
        cursor = await self._store.transact(lambda ledger: start_cursor(ledger, CURSOR))
        found = await self._store.read(lambda ledger: due(ledger, self._settings, cursor, now))
        refused: Mapping[str, object] = {}
        if found.digest:
            body = text(found.digest, self._settings.page_url)
            message = mail(self._settings, subject(found.digest), body, now)
            # In a thread: smtplib blocks, up to TIMEOUT_S for each answer of the server.
            refused = await asyncio.to_thread(self._deliver, message)

        def remember(ledger: Ledger) -> None:
            ledger.history.put_cursor(CURSOR, found.position)
            # Also if every open finding was listed as a change: the reminder would follow at once.
            for severity in found.reminded if found.digest else ():
                ledger.history.put_cursor(reminder(severity), int(now.timestamp()))

        # Only after delivery: a crash in between sends the digest twice, the other order loses it.
        await self._store.transact(remember)
        return f"the mail server refuses {', '.join(refused)}" if refused else ""
