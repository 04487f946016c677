"""Subject and text of a mail: changes of findings, and findings that are still open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from stt_coordinator.alerts.alert_filter import link
from stt_shared.protocol.enums import Change, Severity
from stt_shared.protocol.records import FindingEvent, FindingRecord
from stt_shared.report import readable, remedy
from stt_shared.settings.alerts import AlertSettings

MAX_LISTED = 50  # findings of each part
MAX_CHARACTERS = 300  # of a summary, and of a fix
PARTS = {
    Change.OPENED: "New",
    Change.REOPENED: "Back",
    Change.UNACCEPTED: "No longer accepted",
    Change.CHANGED: "Changed",
    Change.RESOLVED: "Resolved",
    Change.ACCEPTED: "Accepted",
}
REMINDER = "Still open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The content of a mail: the last change of each finding, and findings still open."""

    changes: Sequence[FindingEvent] = ()
    reminders: Sequence[FindingRecord] = ()
    reminders_in_all: int = 0

    def __bool__(self) -> bool:
        return bool(self.changes or self.reminders)


def last_changes(events: Iterable[FindingEvent]) -> list[FindingEvent]:
    """The last change of each finding, most severe first, then oldest."""
    last = {event.after.id: event for event in events}
    return sorted(last.values(), key=lambda one: (one.after.severity.rank, one.at))


def subject(digest: Digest) -> str:
    """The subject: numbers alone, so that nothing of a database can form a header."""
    words = [
        f"{number} {title.lower()}"
        for change, title in PARTS.items()
        if (number := sum(one.change is change for one in digest.changes))
    ]
    if digest.reminders:
        words.append(f"{digest.reminders_in_all} {REMINDER.lower()}")
    critical = sum(
        one.after.severity is Severity.CRITICAL
        for one in digest.changes
        if one.change not in (Change.RESOLVED, Change.ACCEPTED)
    ) + sum(one.severity is Severity.CRITICAL for one in digest.reminders)
    mark = "CRITICAL: " if critical else ""
    return f"[STT] {mark}" + ", ".join(words)


def text(digest: Digest, page_url: str) -> str:
    """The body: a part for each kind of change, then what is still open."""
    parts = [
        _part(title, [one.after for one in digest.changes if one.change is change], page_url)
        for change, title in PARTS.items()
    ]
    parts.append(_part(REMINDER, digest.reminders, page_url, digest.reminders_in_all))
    where = f"The page: {page_url}\n" if page_url else ""
    foot = "Mails of the Security Threat Tool; accepted findings are in none of them.\n"
    return "".join((*parts, where, foot))


def _part(title: str, records: Sequence[FindingRecord], page_url: str, in_all: int = 0) -> str:
    total = max(in_all, len(records))
    if not records:
        return ""
    lines = [f"{title} ({total})", ""]
    for one in records[:MAX_LISTED]:
        lines.append(f"  {one.severity:<8}  {one.target} (site {one.site}): {_short(one.summary)}")
        for part in remedy.paragraphs(one):
            head = f"{part.label.lower()}: " if part.label else "  "
            shown = _short(part.text) if one.fix is None else _whole(part)
            lines.append(f"            {head}{shown}")
        lines.append(f"            {link(page_url, one.id) or f'stt findings show {one.id}'}")
    if rest := readable.more(total - MAX_LISTED):
        lines.append(f"  {rest}: stt findings list")
    return "\n".join((*lines, "", ""))


def _short(words: str) -> str:
    """On one line of at most MAX_CHARACTERS."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3] + "..."


def _whole(part: remedy.Paragraph) -> str:
    """Code line by line, or where it is: half of it, or all on one line, is other code."""
    if not part.is_code:
        return _short(part.text)
    if len(part.text) > MAX_CHARACTERS:
        return remedy.LEFT_OUT
    return "\n              ".join(_short(line) for line in part.text.split("\n"))


def mail(settings: AlertSettings, title: str, body: str, now: datetime) -> EmailMessage:
    """A mail with the headers that stop automatic replies."""
    made = EmailMessage()
    made["Subject"] = title
    made["From"] = settings.mail_from
    made["To"] = ", ".join(settings.mail_to)
    made["Date"] = format_datetime(now)
    made["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(body)
    return made
