"""A scan is the worker's own path from target to outcome, without a bus."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.errors import UsageError
from stt_shared.identity import finding_id, token_of
from stt_shared.protocol.enums import Family, Kind, Outcome
from stt_shared.protocol.records import Counts
from stt_worker.databases.port import InspectionError
from stt_worker.oneshot.scan import advice, chosen, scan, targets_of, targets_to_scan
from stt_worker.targets.urls import parse
from tests.support.worker.fakes import FAILS, check, dependencies, server, target

CHECKS = [check("a"), check("b", FAILS), check("m", family=Family.MYSQL)]


async def test_a_scan_reports_every_check_of_a_targets_family_and_counts_them() -> None:
    servers = {"db": server(), "gone": InspectionError(Kind.UNREACHABLE, "refused")}
    having = {Family.POSTGRESQL: dependencies(CHECKS, servers)}
    done: list[tuple[int, int]] = []
    report = await scan(
        [target("t1"), target("t0", "gone")],
        CHECKS,
        having,
        progress=lambda number, of: done.append((number, of)),
    )
    assert [(r.target, r.check, str(r.outcome)) for r in report.results] == [
        ("t0", "a", "error"),
        ("t0", "b", "error"),
        ("t1", "a", "passed"),
        ("t1", "b", "failed"),
    ]
    assert report.summary == Counts(
        critical=1, passed=1, not_checked=2, targets=2, targets_checked=1
    )
    (finding,) = report.results[3].findings
    assert finding.id == finding_id("t1", "b", "o")
    assert finding.since == report.started
    assert report.run_id.startswith("scan-")
    assert done == [(1, 2), (2, 2)]
    assert report.results[0].kind is Kind.UNREACHABLE
    assert report.results[0].outcome is Outcome.ERROR
    assert msgspec.json.encode(report)


def test_targets_of_urls_have_names_of_their_own_and_no_password_in_sight() -> None:
    urls = [
        "postgresql://u:hunter2@127.0.0.1/a",
        "postgresql://u:hunter2@127.0.0.1/b",
        "mysql://[::1]:3307",
        "mongodb://DB.Example.ORG",
        "mysql://u@/?socket=/run/mysqld/mysqld.sock",
        f"mysql://{'long.' * 20}org",
        f"mysql://{'long.' * 20}net",
    ]
    found = targets_of(parse(url) for url in urls)
    assert [one.id for one in found[:5]] == [
        "postgresql-127-0-0-1-5432",
        "postgresql-127-0-0-1-5432-2",
        "mysql-1-3307",
        "mongodb-db-example-org-27017",
        "mysql-run-mysqld-mysqld-sock",
    ]
    assert len({one.id for one in found}) == len(urls)
    assert all(len(one.id) <= 64 for one in found)
    assert "hunter2" not in repr(found)
    assert found[0].secret.rest == "hunter2"


def test_a_name_of_nothing_but_signs_is_replaced() -> None:
    assert token_of("***", "worker") == "worker"
    assert token_of("Host-1.Example", "worker") == "host-1-example"


def test_checks_are_found_by_name_and_alias_and_unknown_ones_are_reported_with_a_suggestion() -> (
    None
):
    one, two = check("mysql_version", aliases=("mysql_old",)), check("other")
    known = Catalogue(checks={"mysql_version": one, "other": two})
    assert chosen(known, []) == [one, two]
    assert chosen(known, ["mysql_old", "mysql_version"]) == [one]
    with pytest.raises(UsageError) as caught:
        chosen(known, ["mysql_versoin", "nonsense"])
    assert caught.value.message == (
        "unknown check 'mysql_versoin', did you mean 'mysql_version'?; unknown check 'nonsense'"
    )


def test_nothing_to_scan_and_a_name_that_is_taken_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to scan"):
        targets_to_scan([], None)
    config = tmp_path / "worker.toml"
    config.write_text('[[targets]]\nid = "mysql-db-3306"\nfamily = "mysql"\nhost = "db"\n')
    assert [one.id for one in targets_to_scan([], config)] == ["mysql-db-3306"]
    with pytest.raises(UsageError, match="'mysql-db-3306'"):
        targets_to_scan(["mysql://db"], config)


async def test_a_tls_failure_comes_with_a_hint() -> None:
    servers = {"db": InspectionError(Kind.TLS, "the server has no TLS")}
    one = [check("a")]
    report = await scan([target()], one, {Family.POSTGRESQL: dependencies(one, servers)})
    assert "?tls=off" in " ".join(advice(report))
    fine = await scan([target()], one, {Family.POSTGRESQL: dependencies(one)})
    assert advice(fine) == []
