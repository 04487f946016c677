"""A baseline on a report: what was open before no longer counts, and what is worse or new does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.reports import ReportedFinding
from stt_shared.protocol.records import Acceptance
from stt_shared.report.baseline import MAX_AGE, has_a_target_of, read, with_baseline
from stt_shared.report.counts import of_results
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.formats.render import render
from stt_shared.report.model import Report
from tests.support.cli import samples
from tests.support.shared import report_cases as cases

NOW = samples.NOW
DAY = timedelta(days=1)


def findings(report: Report) -> dict[str, ReportedFinding]:
    return {one.id: one for result in report.results for one in result.findings}


def changed(report: Report, id_: str, **values: object) -> Report:
    """The report with another severity or acceptance of one finding."""
    results = tuple(
        msgspec.structs.replace(
            result,
            findings=tuple(
                msgspec.structs.replace(one, **values) if one.id == id_ else one
                for one in result.findings
            ),
        )
        for result in report.results
    )
    return msgspec.structs.replace(report, results=results, summary=of_results(results))


def still_open(report: Report) -> list[str]:
    return sorted(id_ for id_, one in findings(report).items() if one.accepted is None)


def test_what_was_open_is_in_the_baseline_and_counted_apart() -> None:
    whole = cases.ordinary()
    number = len(still_open(whole))
    found = with_baseline(whole, whole, NOW)
    assert still_open(found) == []
    counts = found.summary
    assert (counts.critical, counts.major, counts.trivial) == (0, 0, 0)
    assert (counts.baseline, counts.accepted) == (number, whole.summary.accepted)
    assert counts == msgspec.structs.replace(of_results(found.results))
    accepted = findings(found)[still_open(whole)[0]].accepted
    assert accepted is not None
    assert accepted.reason == f"known on 2026-11-23 (run {whole.run_id})"


def test_what_is_new_or_accepted_in_the_baseline_or_more_severe_now_counts() -> None:
    whole = cases.ordinary()
    first = still_open(whole)[0]
    without = tuple(
        msgspec.structs.replace(
            one, findings=tuple(each for each in one.findings if each.id != first)
        )
        for one in whole.results
    )
    less = msgspec.structs.replace(whole, results=without)
    assert still_open(with_baseline(whole, less, NOW)) == [first]
    until = (NOW + timedelta(days=3)).date()
    known = Acceptance(exception="x", until=until, by="ann", reason="r")
    assert still_open(with_baseline(whole, changed(whole, first, accepted=known), NOW)) == [first]
    mild = changed(whole, first, severity=Severity.TRIVIAL)
    severe = changed(whole, first, severity=Severity.CRITICAL)
    assert still_open(with_baseline(severe, mild, NOW)) == [first]
    assert still_open(with_baseline(mild, severe, NOW)) == []


@pytest.mark.parametrize("form", [one for one in ReportFormat if one is not ReportFormat.TABLE])
def test_every_format_shows_what_lies_in_the_baseline(form: ReportFormat) -> None:
    whole = cases.ordinary()
    found = with_baseline(whole, whole, NOW)
    without, shown = (render(cases.context(one), form).count("baseline") for one in (whole, found))
    # Each of them by its name; the line of a plugin has their number alone.
    more = 1 if form is ReportFormat.NAGIOS else len(still_open(whole))
    assert shown >= without + more


def test_a_file_that_is_no_report_or_an_old_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    whole = msgspec.structs.replace(cases.ordinary(), finished=NOW)
    file.write_bytes(msgspec.json.encode(whole))
    assert read(file, NOW + MAX_AGE) == whole
    with pytest.raises(ConfigError, match="is of 2026-11-23, the limit is 400 days"):
        read(file, NOW + MAX_AGE + timedelta(seconds=1))
    bad = msgspec.structs.replace(whole, schema="stt.report/v2")
    texts = (b"", b"[]", b"{}", b"\xff", b"[" * 100_000, msgspec.json.encode(bad))
    for text in texts:
        file.write_bytes(text)
        with pytest.raises(ConfigError):
            read(file, NOW)
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ConfigError, match="cannot read the baseline"):
            read(path, NOW)


def test_the_report_of_the_current_state_names_its_time_and_a_future_one_is_refused(
    tmp_path: Path,
) -> None:
    file = tmp_path / "baseline.json"
    bare = msgspec.structs.replace(cases.ordinary(), started=None, finished=None)
    for at, fault in (
        (None, "does not say of when it is"),
        (NOW + timedelta(hours=2), "in the future"),
        (datetime(9999, 12, 31, tzinfo=UTC), "in the future"),
        (NOW - MAX_AGE - timedelta(days=1), "the limit is 400 days"),
    ):
        file.write_bytes(msgspec.json.encode(msgspec.structs.replace(bare, written=at)))
        with pytest.raises(ConfigError, match=fault):
            read(file, NOW)
    good = msgspec.structs.replace(bare, written=NOW)
    file.write_bytes(msgspec.json.encode(good))
    assert read(file, NOW) == good


def test_in_a_chain_of_baselines_the_first_day_counts_until_it_ends() -> None:
    first = msgspec.structs.replace(cases.ordinary(), finished=NOW)
    second = msgspec.structs.replace(with_baseline(first, first, NOW), finished=NOW + DAY)
    third = with_baseline(first, second, NOW + 2 * DAY)
    assert still_open(third) == []
    accepted = findings(third)[still_open(first)[0]].accepted
    assert accepted is not None
    assert accepted.reason.startswith("known on 2026-11-23")
    late = NOW + MAX_AGE + DAY
    assert still_open(with_baseline(first, second, late)) == still_open(first)


def test_a_baseline_of_other_databases_is_noticed() -> None:
    assert has_a_target_of(cases.ordinary(), cases.ordinary())
    assert not has_a_target_of(cases.clean(), cases.ordinary())


def test_a_finding_that_was_named_otherwise_is_in_the_baseline_by_its_evidence() -> None:
    whole = cases.ordinary()
    id_ = still_open(whole)[0]
    rows = {"evidence": ({"line": 7, "rule": "host all"},)}
    before = changed(whole, id_, **rows)
    for formerly, is_known in (({"rule": "host all"}, True), ({"rule": "host x"}, False)):
        after = changed(whole, id_, id="f_new", evidence=({"line": 8},), formerly=formerly)
        found = findings(with_baseline(after, before, NOW))["f_new"]
        assert (found.accepted is not None) is is_known
    # One that is known lets one pass, not each that says so.
    after = changed(whole, id_, id="f_new", formerly={"rule": "host all"})
    results = [
        msgspec.structs.replace(
            result,
            findings=tuple(
                again
                for one in result.findings
                for again in (one, msgspec.structs.replace(one, id="f_newer"))
                if again is one or one.id == "f_new"
            ),
        )
        for result in after.results
    ]
    twice = msgspec.structs.replace(after, results=tuple(results))
    marked = findings(with_baseline(twice, before, NOW))
    assert [marked[one].accepted is not None for one in ("f_new", "f_newer")] == [True, False]
    # Where the earlier id is still reported, it is somebody else's.
    both = changed(whole, id_, **rows)
    other = still_open(whole)[1]
    both = changed(both, other, id="f_new", formerly={"rule": "host all"})
    assert findings(with_baseline(both, before, NOW))["f_new"].accepted is None
