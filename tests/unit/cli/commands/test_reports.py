"""Reports of stored runs, files, gates and the plugin's output: what comes out and which code."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from stt_shared.command import output
from stt_shared.protocol.control import RunReply, Verb
from stt_shared.protocol.findings import FindingsReply
from stt_shared.protocol.queries.reports import RunsReply
from stt_shared.protocol.records import Counts
from stt_shared.report.formats.nagios import State
from stt_shared.report.formats.names import ReportFormat
from stt_shared.report.model import Report
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt
from tests.support.cli.stored_report import RUN, asked_run, holds
from tests.support.shared import report_cases as cases


@pytest.mark.parametrize(("words", "run"), [((), ""), (("--last",), RUN), (("--run", RUN), RUN)])
def test_a_report_is_of_the_state_now_the_last_finished_run_or_the_run_named(
    service: Service, stt: Stt, words: tuple[str, ...], run: str
) -> None:
    holds(service, cases.ordinary())
    code, out, _ = stt("report", *words, "-o", "json")
    assert (code, asked_run(service)) == (0, run)
    found = msgspec.json.decode(out, type=Report)
    assert (found.written is None) == bool(words)
    assert msgspec.structs.replace(found, written=None) == cases.ordinary()


def test_an_unknown_run_two_runs_and_no_run_are_usage_errors(service: Service, stt: Stt) -> None:
    holds(service, cases.ordinary())
    assert stt("report", "--run", "nope")[2][0] == "error: unknown run 'nope'"
    assert stt("report", "--run", RUN, "--last")[0] == 2
    service.answer(Verb.RUNS, RunsReply(runs=()))
    code, _, err = stt("report", "--last")
    assert (code, err[0]) == (2, "error: no run has finished yet")


@pytest.mark.parametrize("form", ReportFormat)
def test_every_format_comes_out_of_one_stored_run(
    service: Service, stt: Stt, form: ReportFormat
) -> None:
    holds(service, cases.ordinary())
    code, out, _ = stt("report", "--last", "-o", str(form))
    assert code == (State.CRITICAL if form is ReportFormat.NAGIOS else 0)
    assert "orders-mysql-3" in out


def test_files_are_written_beside_what_is_printed(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    holds(service, cases.ordinary())
    (tmp_path / "r.html").write_text("old")
    names = ("r.html", "r.sarif", "r.csv", "r.md")
    words = [word for name in names for word in ("--export", str(tmp_path / name))]
    code, out, _ = stt("report", *words, "--export", f"junit:{tmp_path}/all", "-o", "jsonl")
    assert code == 0
    assert len(out.splitlines()) == len(cases.ordinary().results)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "all"])
    assert (tmp_path / "r.html").read_text().startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / "r.sarif").read_text())["version"] == "2.1.0"
    heads = (tmp_path / "r.csv").read_bytes().splitlines(keepends=True)[0]
    assert heads.endswith(b"labels,read_more_url,before,effect,restart,persistent,undo\r\n")
    assert (tmp_path / "all").read_text().startswith("<?xml")


@pytest.mark.parametrize("typed", [True, False])
def test_a_terminal_shows_what_was_written(
    service: Service, stt: Stt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, typed: bool
) -> None:
    holds(service, cases.ordinary())
    monkeypatch.setattr(output, "on_terminal", lambda: typed)
    monkeypatch.chdir(tmp_path)
    _, _, err = stt("gate", "--export", "r.html", "--export", "junit:all", "--fail-on", "none")
    reported = [line for line in err if line.startswith("Written")]
    assert reported == (["Written: r.html (html)", "Written: all (junit)"] if typed else [])


@pytest.mark.parametrize("name", ["nowhere/r.csv", "r.pdf", "folder.csv"])
def test_a_file_that_cannot_be_written_is_reported_before_any_request(
    service: Service, stt: Stt, tmp_path: Path, name: str
) -> None:
    holds(service, cases.ordinary())
    (tmp_path / "folder.csv").mkdir()
    code, out, err = stt("report", "--export", str(tmp_path / name))
    assert (code, out, service.asked) == (2, "", [])
    assert name in err[0]


def test_a_full_disk_is_3_and_says_so(service: Service, stt: Stt) -> None:
    holds(service, cases.ordinary())
    code, _, err = stt("report", "--export", "csv:/dev/full")
    assert code == 3
    assert "no space left on device" in "\n".join(err)


@pytest.mark.parametrize("form", ["md", "html", "sarif", "junit", "ocsf", "nagios"])
def test_a_part_says_that_it_is_a_part(service: Service, stt: Stt, form: str) -> None:
    holds(service, cases.ordinary())
    words = ("--check", "mysql_empty_password", "--site", "eu-west", "-o", form)
    shown = "site eu-west, check mysql_empty_password"
    assert shown in stt("report", *words)[1].replace("\\_", "_")
    assert shown not in stt("report", "-o", form)[1]


def test_two_exports_to_one_file_are_refused(stt: Stt, tmp_path: Path) -> None:
    words = ("--export", str(tmp_path / "r"), "--export", str(tmp_path / "r"))
    code, _, err = stt("report", *(word.replace("/r", "/r.csv") for word in words))
    assert (code, err[0]) == (2, "error: two --export options have the same file")


def test_a_file_that_cannot_be_replaced_keeps_what_it_held(
    service: Service, stt: Stt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds(service, cases.ordinary())
    (tmp_path / "r.csv").write_text("old")

    def replace(_: Path, __: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", replace)
    code, _, err = stt("report", "--export", str(tmp_path / "r.csv"))
    assert code == 2
    assert f"cannot write the report to {tmp_path}/r.csv (permission denied)" in "\n".join(err)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_pipe_or_device_is_written_and_not_replaced(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    holds(service, cases.ordinary())
    (tmp_path / "null").symlink_to("/dev/null")
    assert stt("report", "--export", f"csv:{tmp_path}/null")[0] == 0
    assert (tmp_path / "null").is_char_device()


def test_a_run_under_way_says_so_and_counts_the_targets_it_waits_for(
    service: Service, stt: Stt
) -> None:
    holds(service, cases.clean())
    code, out, err = stt("report", "--run", "later", "-o", "md")
    assert code == 0
    assert "3 databases without any result" in out
    assert "run later is not finished: 4 of 4 databases done" in out
    assert err == [
        "warning: run later is not finished: 4 of 4 databases done",
        "warning: 3 databases without any result",
    ]
    assert stt("gate", "--run", "later")[0] == 3


def test_a_report_can_be_of_some_targets_only_and_a_name_it_does_not_hold_is_refused(
    service: Service, stt: Stt
) -> None:
    holds(service, cases.ordinary())
    _, out, _ = stt("report", "--target", "billing-pg-2", "-o", "json")
    report = msgspec.json.decode(out, type=Report)
    assert report.summary == Counts(passed=1, targets=1, targets_checked=1)
    code, _, err = stt("report", "--target", "billing-pg-2,bilingg")
    assert (code, err[0]) == (2, "error: the report contains no target 'bilingg'")


def test_a_run_that_is_not_waited_for_has_no_report(service: Service, stt: Stt) -> None:
    service.answer(Verb.RUN, RunReply(run=samples.run(state="running")))
    for words in (("-o", "sarif"), ("--export", "r.csv")):
        code, _, err = stt("run", *words)
        assert (code, service.asked) == (2, [])
        assert f"{words[0]} {words[1]}"[:8] in err[0]
        assert "--wait" in err[0]
    assert stt("run", "-o", "json")[0] == 0


def test_a_run_that_is_waited_for_and_the_list_of_findings_come_in_every_format(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    holds(service, cases.ordinary())
    service.answer(Verb.RUN, RunReply(run=samples.run()))
    service.answer(Verb.FINDINGS, FindingsReply(findings=(), total=0))
    code, out, _ = stt("run", "--wait", "-o", "junit", "--export", f"{tmp_path}/r.md")
    assert (code, out.startswith("<?xml")) == (1, True)
    assert (tmp_path / "r.md").exists()
    code, out, _ = stt("findings", "list", "--severity", "critical", "-o", "csv")
    assert (code, len(out.splitlines())) == (0, 3)
