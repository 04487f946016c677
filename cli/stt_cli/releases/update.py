"""Updates the release data from files of endoflife.date and CVE records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stt_cli.releases.rules import belongs, dotted

PRODUCTS = ("mysql", "mariadb", "postgresql", "mongodb")
STATUS_OF = {"mysql": "innovation", "mariadb": "rolling", "postgresql": "major", "mongodb": "major"}
# The names of the products in CVE records.
NAMES = {
    "mysql server": "mysql",
    "mariadb": "mariadb",
    "mariadb server": "mariadb",
    "postgresql": "postgresql",
    "mongodb server": "mongodb",
}
NUMBERS = re.compile(r"\d+(?:\.\d+)*")
FROM_TO = re.compile(r"^(\d+(?:\.\d+)+)\s*-\s*(\d+(?:\.\d+)+)$")
HIGH = 7.0  # CVSS score from which an attack without login is critical

Document = Mapping[str, Any]


def from_endoflife(data: Document, document: Document) -> Iterator[str]:
    """Update `data` from a product of endoflife.date's API version 1; a sentence per change.

    Versions only increase. An end of life that differs is reported, not changed. Raises
    ValueError if the document has another form or an unknown product.
    """
    result: Document = document.get("result") or {}
    releases: list[Document] = result.get("releases") or []
    if "releases" not in result:
        raise ValueError(
            "not a product of endoflife.date's API version 1: result.releases is missing"
        )
    name = str(result.get("name"))
    if name not in PRODUCTS:
        raise ValueError(f"product is {name!r}, expected one of {', '.join(PRODUCTS)}")
    entries: list[dict[str, Any]] = data["products"][name]["series"]
    for release in releases:
        series = numbers(str(release["name"]))
        entry = next((one for one in entries if one["series"] == series), None)
        if entry is None:
            # Only newer ones than the oldest that is known: what ended long ago is left out on
            # purpose.
            if series > entries[0]["series"]:
                yield from _added(entries, name, series, release)
        else:
            for change in _raised(entry, release):
                yield f"{name} {dotted(series)}: {change}"
    entries.sort(key=lambda one: one["series"])


def _added(
    entries: list[dict[str, Any]], name: str, series: list[int], release: Document
) -> Iterator[str]:
    entry: dict[str, Any] = {
        "series": series,
        "status": "lts" if release.get("isLts") else STATUS_OF[name],
        "released": release["releaseDate"],
    }
    if release.get("eolFrom"):
        entry["eol"] = release["eolFrom"]
    entries.append(entry)
    yield f"{name} {dotted(series)}: new series, released {release['releaseDate']}"
    yield from (f"{name} {dotted(series)}: {change}" for change in _raised(entry, release))


def _raised(entry: dict[str, Any], release: Document) -> Iterator[str]:
    newest: Document = release.get("latest") or {}
    version = numbers(str(newest.get("name", "")))
    if belongs(version, entry["series"]) and version > entry.get("latest", []):
        before = dotted(entry["latest"]) if "latest" in entry else "unknown"
        entry["latest"] = version
        entry.pop("latest_date", None)
        if newest.get("date"):
            entry["latest_date"] = newest["date"]
        yield f"latest {before} -> {dotted(version)} ({newest.get('date', 'no date')})"
    theirs = release.get("eolFrom")
    if theirs and theirs != entry.get("eol"):
        ours = entry.get("eol", "unknown")
        yield f"end of life is {ours}, endoflife.date has {theirs}: not changed"


def from_cve(data: Document, record: Document) -> Iterator[str]:
    """Update `data` from a CVE record of version 5; a sentence per change.

    Raises ValueError if the record has another form or no known product.
    """
    try:
        name, holder = record["cveMetadata"]["cveId"], record["containers"]["cna"]
    except (KeyError, TypeError):
        raise ValueError(
            "not a CVE record of version 5: cveMetadata or containers.cna is missing"
        ) from None
    affects = _affects(holder.get("affected", []))
    if not affects:
        raise ValueError(f"{name} affects none of {', '.join(sorted(set(NAMES.values())))}")
    listed: list[dict[str, Any]] = data["vulnerabilities"]
    entry = next((one for one in listed if one["id"] == name), None)
    if entry is None:
        entry = _vulnerability(name, holder)
        listed.append(entry)
        yield f"{name}: new, {entry['severity']}: {entry['summary']}"
    for product, ranges in affects.items():
        if entry["affects"].get(product) != ranges:
            entry["affects"][product] = ranges
            shown = [
                f"{dotted(one['from'])} below {dotted(one['below'])}"
                if "below" in one
                else f"{dotted(one['from'])} to {dotted(one['to'])}"
                for one in ranges
            ]
            yield f"{name}: {product} {', '.join(shown)}"


def _vulnerability(name: str, holder: Document) -> dict[str, Any]:
    title = holder.get("title") or holder["descriptions"][0]["value"].partition(". ")[0]
    sources = [one["url"] for one in holder.get("references", []) if "https://" in one["url"]]
    severity = "major"
    for metric in holder.get("metrics", []):
        for key in ("cvssV3_1", "cvssV4_0"):
            words: Document = metric.get(key) or {}
            vector = str(words.get("vectorString", ""))
            # From the network, and without a log-in.
            if "/AV:N/" in vector and "/PR:N/" in vector and words.get("baseScore", 0) >= HIGH:
                severity = "critical"
    return {
        "id": name,
        "summary": str(title).strip().rstrip("."),
        "severity": severity,
        "affects": {},
        "source": (sources or [f"https://www.cve.org/CVERecord?id={name}"])[0],
    }


def _affects(affected: Iterable[Document]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in affected:
        product = NAMES.get(str(one.get("product", "")).lower())
        if product:
            versions = one.get("versions", [])
            ranges = [each for each in map(_range, versions) if each]
            found[product] = sorted(ranges, key=lambda each: each["from"])
    return found


def _range(version: Document) -> dict[str, Any] | None:
    """A range of a record; Oracle writes `8.4.0-8.4.13` as one text."""
    if version.get("status") != "affected":
        return None
    text = str(version.get("version", ""))
    if match := FROM_TO.match(text):
        return {"from": numbers(match[1]), "to": numbers(match[2])}
    if not NUMBERS.match(text):
        return None
    start = numbers(text)
    if "lessThan" in version:
        return {"from": start, "below": numbers(str(version["lessThan"]))}
    return {"from": start, "to": numbers(str(version.get("lessThanOrEqual", text)))}


def numbers(text: str) -> list[int]:
    """The dotted numbers at the start of `text`; empty if there are none."""
    match = NUMBERS.match(text)
    return [int(part) for part in match[0].split(".")] if match else []
