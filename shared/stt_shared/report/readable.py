"""Format codes, times, ages and counts as readable text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from stt_shared.protocol.control import TargetInfo
from stt_shared.protocol.enums import Family, Kind, Severity
from stt_shared.protocol.messages import Facts, Implied, PartNotChecked, TargetPart

KINDS = {
    Kind.NOT_APPLICABLE: "not applicable",
    Kind.UNDECIDED: "the check cannot decide",
    Kind.UNSUPPORTED: "unsupported query type",
    Kind.UNKNOWN_CHECK: "unknown to the worker",
    Kind.UNTRUSTED_PACK: "untrusted pack",
    Kind.DISABLED: "disabled",
    Kind.EXPIRED: "not started in time",
    Kind.NO_PRIVILEGE: "privilege missing",
    Kind.QUERY: "query failed",
    Kind.TIMEOUT: "timed out",
    Kind.SCRIPT: "script failed",
    Kind.UNREACHABLE: "unreachable",
    Kind.AUTH: "login refused",
    Kind.TLS: "TLS refused",
    Kind.CONFIG: "configuration wrong",
    Kind.SESSION: "session not trusted",
    Kind.TOO_LARGE: "answer too large",
    Kind.DEAD: "given up after five tries",
    Kind.NO_WORKER: "no worker answered",
    Kind.NOT_RUN: "not run yet",
    Kind.GONE: "gone",
}
FAMILIES = {Family.MYSQL: "MySQL", Family.POSTGRESQL: "PostgreSQL", Family.MONGODB: "MongoDB"}
FLAVOURS = {"percona": "Percona Server", "mariadb": "MariaDB"} | {
    str(family): name for family, name in FAMILIES.items()
}
NEW = timedelta(hours=24)  # a younger finding is new: one standard period
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_KIB = 1024


def kind(code: Kind | None, reason: str = "") -> str:
    """The text of a code, with the reason if there is one."""
    word = KINDS[code] if code is not None else ""
    return f"{word}: {reason}" if word and reason else word or reason


def first_names(
    names: Sequence[str], most: int = 5, *, total: int = 0, separator: str = ", "
) -> str:
    """The first `most` names and how many more there are, e.g. `a, b and 3 more`.

    `total` counts names that are not in `names` too, if it is greater than their number.
    """
    shown = names[:most]
    rest = more(max(total, len(names)) - len(shown))
    return separator.join(shown) + (f" {rest}" if rest else "")


def also(description: str, implies: Iterable[Implied]) -> str:
    """The description of a finding, and what it stands for too, a sentence for each check."""
    sentences = (
        f"Also: {number(len(one.keys), 'finding')} of {one.check} ({first_names(one.keys)})."
        for one in implies
    )
    return " ".join(filter(None, (description, *sentences)))


def more(left_out: int) -> str:
    """How many are not shown, e.g. `and 3 more`; empty if all are."""
    return f"and {left_out} more" if left_out > 0 else ""


def by_severity(severities: Iterable[Severity]) -> str:
    """How many there are of each severity, most severe first, e.g. `2 critical, 1 major`."""
    numbers = Counter(severities)
    return ", ".join(f"{numbers[one]} {one}" for one in Severity if numbers[one])


def claimants(one: TargetInfo) -> str:
    """The workers that claim a target, e.g. `w9 (us), w4 (eu, as PostgreSQL)`; empty: none does."""
    return ", ".join(
        f"{claim.worker} ({claim.site})"
        if claim.family is one.family
        else f"{claim.worker} ({claim.site}, as {FAMILIES[claim.family]})"
        for claim in one.claims
    )


def part(one: PartNotChecked) -> str:
    """A database that was left out, and the reason, e.g. `billing (closed)`."""
    return f"{one.name} ({one.reason or KINDS[one.kind]})"


def labels(found: Mapping[str, str]) -> str:
    """The labels of a finding in the order of their names, e.g. `count=2, database=shop`."""
    return ", ".join(f"{name}={value}" for name, value in sorted(found.items()))


def is_web_link(url: str) -> bool:
    """Whether a browser may follow the `read_more_url` of a finding: others are shown as text."""
    return url.lower().startswith(("http://", "https://"))


def parts(found: Sequence[PartNotChecked], most: int | None = None) -> str:
    """The databases that were left out, e.g. `1 database not checked: billing (closed)`; or empty.

    At most `most` are named.
    """
    if not found:
        return ""
    named = first_names([part(one) for one in found], len(found) if most is None else most)
    return f"{number(len(found), 'database')} not checked: {named}"


def target_parts(found: Sequence[TargetPart], total: int = 0) -> str:
    """Databases that were left out, with their targets, and how many of `total` are not listed."""
    named = [f"{one.target}: {part(one.part)}" for one in found]
    return first_names(named, len(named), total=total)


def server(facts: Facts) -> str:
    """The name of a server, e.g. `Percona Server 8.0.36`."""
    number = ".".join(map(str, facts.version)) or facts.version_text
    return f"{FLAVOURS.get(facts.flavour, facts.flavour)} {number}".strip()


def age(since: datetime | None, now: datetime) -> str:
    """The age of a finding: `new`, `9d`, or empty if unknown."""
    if since is None:
        return ""
    past = now - since
    return "new" if past < NEW else f"{past.days}d"


def span(length: timedelta) -> str:
    """A duration in its two largest units, e.g. `7 min`, `1 h 5 min`, `3 d 4 h`."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    large, small, size, names = (
        (seconds // _HOUR, seconds % _HOUR, _MINUTE, ("h", "min"))
        if seconds < _DAY
        else (seconds // _DAY, seconds % _DAY, _HOUR, ("d", "h"))
    )
    rest = f" {small // size} {names[1]}" if small // size else ""
    return f"{large} {names[0]}{rest}"


def moment(at: datetime, now: datetime) -> str:
    """An instant in UTC, without today's date: `16:04 UTC`, `2 Nov 16:04 UTC`."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    if at.date() == now.date():
        return f"{at:%H:%M} UTC"
    if at.date() == now.date() + timedelta(days=1):
        return f"{at:%H:%M} UTC tomorrow"
    return f"{day(at, now)} {at:%H:%M} UTC"


def day(at: datetime, now: datetime) -> str:
    """A date in UTC, with the year unless it is the current one: `2 Nov`."""
    return date_day(at.astimezone(UTC).date(), now)


def date_day(day: date, now: datetime) -> str:
    """A day, with the year unless it is the current one: `1 Dec`."""
    year = "" if day.year == now.astimezone(UTC).year else f" {day.year}"
    return f"{day.day} {day:%b}{year}"


def rfc3339(at: datetime | None) -> str:
    """An instant as RFC 3339 in UTC, to the second; empty for None."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def size(amount: float) -> str:
    """A number of bytes for people, e.g. `1.5 GiB`."""
    for unit in _UNITS[:-1]:
        if abs(amount) < _KIB:
            return f"{amount:.0f} {unit}" if unit == _UNITS[0] else f"{amount:.1f} {unit}"
        amount /= _KIB
    return f"{amount:.1f} {_UNITS[-1]}"


def number(amount: int, noun: str) -> str:
    """A count with its noun, e.g. `1 database`, `2 databases`."""
    return f"{amount:,}".replace(",", " ") + f" {noun}" + ("" if amount == 1 else "s")
