"""The rules of the release data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

KEYS = {
    *("series", "note", "status", "released", "eol", "extended"),
    *("latest", "latest_date", "security"),
}
STATUSES = {"lts", "innovation", "stable", "rolling", "major", "minor", "rapid"}
KEYS_OF_VULNERABILITY = {"id", "summary", "severity", "affects", "source"}
SEVERITIES = {"critical", "major"}
REQUIREMENTS = {"plugin", "extension", "compressor"}
DATES = ("released", "eol", "extended", "latest_date")

Entry = Mapping[str, Any]


def faults(data: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each fault of the data, by product and series."""
    as_of = _day(data.get("as_of"))
    if as_of is None:
        yield f"as_of is {data.get('as_of')!r}, expected a date"
        return
    products: Mapping[str, Any] = data.get("products", {})
    for key, product in products.items():
        if not product.get("name") or not product.get("sources"):
            yield f"{key}: name or sources are missing"
        yield from _series(key, product.get("series", []), as_of)
    seen: set[str] = set()
    vulnerabilities: list[Entry] = data.get("vulnerabilities", [])
    for one in vulnerabilities:
        name = str(one.get("id"))
        if name in seen:
            yield f"{name} is listed twice"
        seen.add(name)
        for fault in _vulnerability(one, products):
            yield f"{name}: {fault}"


def _series(key: str, entries: list[Entry], as_of: date) -> Iterator[str]:
    for before, after in pairwise(entry["series"] for entry in entries):
        if before >= after:
            yield f"{key}: series {dotted(after)} is listed after {dotted(before)}"
    for entry in entries:
        found = [f"unknown key {name!r}" for name in sorted(entry.keys() - KEYS)]
        if entry.get("status") not in STATUSES:
            expected = ", ".join(sorted(STATUSES))
            found.append(f"status is {entry.get('status')!r}, expected one of {expected}")
        found += [*_versions(entry), *_dates(entry, as_of)]
        if "eol" not in entry and entry is not entries[-1]:
            found.append("eol is missing, and the series is not the newest")
        yield from (f"{key} {dotted(entry['series'])}: {fault}" for fault in found)


def _versions(entry: Entry) -> Iterator[str]:
    series, latest = entry["series"], entry.get("latest")
    fixed: list[list[int]] = entry.get("security", [])
    for version in [*([latest] if latest else []), *fixed]:
        if not belongs(version, series):
            yield f"{dotted(version)} is not a release of the series"
    if fixed != sorted(fixed):
        yield "security releases are not in order"
    if latest and any(version > latest for version in fixed):
        yield f"a security release is newer than the latest, {dotted(latest)}"


def _dates(entry: Entry, as_of: date) -> Iterator[str]:
    days = {key: _day(entry[key]) for key in DATES if key in entry}
    for key, day in days.items():
        if day is None:
            yield f"{key} is {entry[key]!r}, expected a date"
            return
    known = {key: day for key, day in days.items() if day is not None}
    for key in ("released", "latest_date"):
        if known.get(key, as_of) > as_of:
            yield f"{key} {known[key]} is after {as_of}, the day of the data"
    ordered = [known[key] for key in ("released", "eol", "extended") if key in known]
    if ordered != sorted(ordered):
        yield "released, eol and extended are not in order"
    if known.get("latest_date", as_of) < known.get("released", date.min):
        yield "the latest release is older than the first"


def _vulnerability(one: Entry, products: Mapping[str, Any]) -> Iterator[str]:
    if one.keys() - {"requires"} != KEYS_OF_VULNERABILITY:
        yield f"its keys are {', '.join(one)}, expected {', '.join(sorted(KEYS_OF_VULNERABILITY))}"
        return
    if one["severity"] not in SEVERITIES:
        yield f"severity is {one['severity']!r}, expected critical or major"
    if one.get("requires", "plugin").split(" ")[0] not in REQUIREMENTS:
        yield f"requires is {one['requires']!r}, expected one of {', '.join(sorted(REQUIREMENTS))}"
    if not one["source"].startswith("https://") or one["summary"].endswith("."):
        yield "expected an https URL as source and a summary without full stop"
    for key, ranges in one["affects"].items():
        if key not in products:
            yield f"unknown product {key!r}"
            continue
        for fault in _ranges(ranges, products[key]["series"]):
            yield f"{key}: {fault}"


def _ranges(ranges: list[Entry], series: list[Entry]) -> Iterator[str]:
    end: list[int] = []
    for each in ranges:
        if set(each) not in ({"from", "below"}, {"from", "to"}):
            yield f"a range has {', '.join(each)}, expected from, and below or to"
            return
        start, last = each["from"], each.get("below") or each["to"]
        if not end <= start <= last:
            yield f"ranges overlap or are not in order at {dotted(start)}"
        end = last
        is_out = any(
            belongs(last, entry["series"]) and last <= entry.get("latest", []) for entry in series
        )
        if "below" in each and last >= series[0]["series"] and not is_out:
            yield f"unknown release {dotted(last)}"


def belongs(version: list[int], series: list[int]) -> bool:
    """Whether `version` is a release of `series`."""
    return len(version) > len(series) and version[: len(series)] == series


def dotted(numbers: list[int]) -> str:
    """`[8, 4]` as 8.4."""
    return ".".join(map(str, numbers))


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
