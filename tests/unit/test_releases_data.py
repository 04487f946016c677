"""The release data are in themselves what the version checks take for granted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from stt_shared.checkfile.catalogue import builtin

RELEASES = builtin().releases
PRODUCTS: dict[str, dict[str, Any]] = RELEASES["products"]
AS_OF = date.fromisoformat(RELEASES["as_of"])
ENTRIES = [
    pytest.param(entry, id=f"{key}-{'.'.join(map(str, entry['series']))}")
    for key, product in PRODUCTS.items()
    for entry in product["series"]
]
KEYS = {"series", "status", "released", "eol", "extended", "latest", "latest_date", "security"}
STATUSES = {"lts", "innovation", "stable", "rolling", "major", "minor", "rapid"}
KNOWN = {
    "mysql": [[5, 7], [8, 0], [8, 4], [9, 0], [9, 6], [9, 7], [26, 7], [26, 10]],
    "percona": [[5, 7], [8, 0], [8, 4]],
    "mariadb": [[10, 4], [10, 5], [10, 6], [10, 11], [11, 4], [11, 8], [12, 0], [12, 3]],
    "postgresql": [[9, 6], [10], [12], [13], [14], [15], [16], [17], [18]],
    "mongodb": [[3, 6], [4, 0], [4, 4], [5, 0], [6, 0], [7, 0], [8, 0], [8, 2], [8, 3], [9, 0]],
    "psmdb": [[4, 4], [5, 0], [6, 0], [7, 0], [8, 0]],
}


@pytest.mark.parametrize("key", KNOWN)
def test_every_product_in_use_is_known_with_its_series(key: str) -> None:
    known = [entry["series"] for entry in PRODUCTS[key]["series"]]
    assert all(series in known for series in KNOWN[key])


@pytest.mark.parametrize("key", PRODUCTS)
def test_series_are_unique_and_in_numeric_order(key: str) -> None:
    known = [entry["series"] for entry in PRODUCTS[key]["series"]]
    assert known == sorted(known)
    assert len(known) == len({tuple(series) for series in known})


@pytest.mark.parametrize("key", PRODUCTS)
def test_every_product_names_its_sources(key: str) -> None:
    assert PRODUCTS[key]["name"]
    assert PRODUCTS[key]["sources"]
    assert all(source.startswith("https://") for source in PRODUCTS[key]["sources"])


@pytest.mark.parametrize("entry", ENTRIES)
def test_keys_and_words_are_of_closed_sets(entry: dict[str, Any]) -> None:
    assert entry.keys() <= KEYS
    assert entry["status"] in STATUSES


@pytest.mark.parametrize("entry", ENTRIES)
def test_versions_are_numbers_and_belong_to_their_series(entry: dict[str, Any]) -> None:
    series = entry["series"]
    for version in [entry["latest"], *entry.get("security", [])]:
        assert all(isinstance(part, int) for part in version)
        assert version[: len(series)] == series
        assert len(version) > len(series)


@pytest.mark.parametrize("entry", ENTRIES)
def test_security_releases_are_in_order_and_not_above_the_latest(entry: dict[str, Any]) -> None:
    fixed = entry.get("security", [])
    assert fixed == sorted(fixed)
    assert all(version <= entry["latest"] for version in fixed)


@pytest.mark.parametrize("entry", ENTRIES)
def test_dates_are_in_order_and_none_is_of_the_future(entry: dict[str, Any]) -> None:
    days = {
        key: date.fromisoformat(entry[key])
        for key in ("released", "eol", "extended", "latest_date")
        if key in entry
    }
    released = days.get("released", date.min)
    assert released <= days.get("latest_date", AS_OF) <= AS_OF
    assert released < days.get("eol", date.max) <= days.get("extended", date.max)


def test_a_series_without_an_end_is_among_the_newest() -> None:
    for product in PRODUCTS.values():
        endless = [entry for entry in product["series"] if "eol" not in entry]
        assert len(endless) <= 1
        assert all(entry is product["series"][-1] for entry in endless)


def test_data_are_small_enough_to_go_with_every_job() -> None:
    assert len(str(RELEASES)) < 64 * 1024


VULNERABILITIES: list[dict[str, Any]] = RELEASES["vulnerabilities"]
EACH = pytest.mark.parametrize("one", VULNERABILITIES, ids=[one["id"] for one in VULNERABILITIES])


def test_every_vulnerability_is_there_once() -> None:
    ids = [one["id"] for one in VULNERABILITIES]
    assert len(ids) == len(set(ids))


@EACH
def test_a_vulnerability_says_what_it_means_and_where_that_is_said(one: dict[str, Any]) -> None:
    assert one.keys() - {"requires"} == {"id", "summary", "severity", "affects", "source"}
    assert one["severity"] in {"critical", "major"}
    assert one["source"].startswith("https://")
    assert not one["summary"].endswith(".")
    assert one.get("requires", "plugin x").split(" ")[0] in {"plugin", "extension", "compressor"}


@EACH
def test_ranges_are_of_known_products_and_do_not_overlap(one: dict[str, Any]) -> None:
    assert one["affects"].keys() <= {"mysql", "mariadb", "postgresql", "mongodb"}
    for ranges in one["affects"].values():
        ends: list[int] = []
        for each in ranges:
            assert each.keys() in ({"from", "below"}, {"from", "to"})
            end = each.get("below") or each["to"]
            assert ends <= each["from"] <= end
            ends = end


@EACH
def test_the_fixed_release_is_in_the_release_data(one: dict[str, Any]) -> None:
    for product, ranges in one["affects"].items():
        oldest = PRODUCTS[product]["series"][0]["series"]
        for each in ranges:
            if each.get("below", [0]) >= oldest:
                series = [e for e in PRODUCTS[product]["series"] if _of(each["below"], e["series"])]
                assert series
                assert each["below"] <= series[0]["latest"]


def _of(version: list[int], series: list[int]) -> bool:
    return version[: len(series)] == series
