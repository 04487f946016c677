"""`stt gate` and the plugin for monitoring: what passes, what is printed, which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from stt_shared.protocol.control import TargetInfo, TargetsReply, Verb
from stt_shared.protocol.enums import Family, Outcome
from stt_shared.protocol.records import Counts
from stt_shared.report.counts import of_results
from stt_shared.report.formats import nagios
from stt_shared.report.formats.nagios import NotCheckedAs, State
from stt_shared.report.model import Report
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt
from tests.support.cli.stored_report import OFF, holds
from tests.support.shared import report_cases as cases


@pytest.mark.parametrize(
    ("report", "words", "ending"),
    [
        (cases.ordinary(), (), (1, "exit 1: 1 failed check at or above critical")),
        (
            cases.ordinary(),
            ("--fail-on", "major"),
            (1, "exit 1: 2 failed checks at or above major"),
        ),
        (cases.ordinary(), ("--fail-on", "none"), (3, "exit 3: 3 checks could not be evaluated")),
        (cases.ordinary(), ("--fail-on", "none", "--max-not-checked", "2"), (3, "exit 3: ")),
        (cases.ordinary(), ("--fail-on", "none", "--max-not-checked", "3"), (0, "")),
        (cases.ordinary(), ("--fail-on", "none", "--allow-incomplete"), (0, "")),
        (cases.clean(), (), (0, "")),
        (cases.unheard(), (), (3, "exit 3: 2 databases without any result")),
        (cases.unheard(), ("--allow-incomplete",), (0, "")),
        (cases.nothing(), (), (3, "exit 3: nothing was checked")),
        (cases.nothing(), ("--allow-incomplete",), (3, "exit 3: nothing was checked")),
    ],
)
def test_a_gate_passes_only_what_was_checked_and_is_below_the_limit(
    service: Service, stt: Stt, report: Report, words: tuple[str, ...], ending: tuple[int, str]
) -> None:
    holds(service, report)
    found, out, err = stt("gate", *words)
    code, last = ending
    assert found == code
    assert out
    assert err[-1].startswith(last or "warning: ") if err else not last


def test_a_gate_prints_the_numbers_that_count(service: Service, stt: Stt) -> None:
    holds(service, cases.ordinary())
    assert stt("gate")[1] == "1 critical, 1 major, 1 trivial\n"
    assert stt("gate", "--target", "shop-mysql-2")[:2] == (0, "0 at or above critical\n")


def test_a_gate_on_the_state_now_is_5_while_checks_are_disabled_but_a_run_can_be_evaluated(
    service: Service, stt: Stt
) -> None:
    holds(service, cases.clean(), state=OFF)
    assert stt("gate")[0] == 5
    assert stt("gate", "--last")[0] == 0


def test_a_gate_warns_of_what_is_wrong_with_stt_itself(service: Service, stt: Stt) -> None:
    holds(service, cases.clean(), degraded=("the store is full",))
    code, _, err = stt("gate")
    assert (code, err) == (0, ["warning: the store is full"])


def test_a_gate_writes_files_and_prints_other_formats(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    holds(service, cases.ordinary())
    code, out, _ = stt("gate", "-o", "sarif", "--export", f"{tmp_path}/r.xml")
    assert (code, json.loads(out)["version"]) == (1, "2.1.0")
    assert "<testsuites" in (tmp_path / "r.xml").read_text()


def test_the_plugin_says_the_worst_that_holds() -> None:
    counts = Counts(targets=2, targets_checked=2)
    unknown = NotCheckedAs.UNKNOWN
    assert nagios.state(counts, unknown) is State.OK
    assert nagios.state(msgspec.structs.replace(counts, trivial=3), unknown) is State.OK
    major = msgspec.structs.replace(counts, major=1, not_checked=1)
    assert nagios.state(major, unknown) is State.WARNING
    assert nagios.state(msgspec.structs.replace(major, critical=1), unknown) is State.CRITICAL
    assert nagios.state(Counts(), NotCheckedAs.OK) is State.UNKNOWN
    assert nagios.state(counts, unknown, without_result=1) is State.UNKNOWN


@pytest.mark.parametrize("as_", NotCheckedAs)
def test_what_is_not_checked_is_unknown_a_warning_or_nothing_as_chosen(as_: NotCheckedAs) -> None:
    counts = Counts(targets=2, targets_checked=1, not_checked=1)
    assert nagios.state(counts, as_).name.lower() == as_


def test_status_as_a_plugin_has_one_line_the_numbers_and_its_own_codes(
    service: Service, stt: Stt
) -> None:
    service.answer(Verb.STATUS, samples.status())
    code, out, err = stt("status", "-o", "nagios")
    assert (code, err) == (2, [])
    assert out.splitlines() == [
        (
            "STT CRITICAL - 3 critical, 17 major, 42 trivial, 0 accepted, 2 not checked,"
            " 298 of 300 databases checked | critical=3 major=17 trivial=42 accepted=0"
            " not_checked=2 passed=6158 targets=300 targets_checked=298 parts_not_checked=0"
            " gone=0 baseline=0"
        ),
        "not checked: ledger-pg-9: timed out",
        "not checked: carts-mongo-4: login refused",
    ]


def test_status_as_a_plugin_is_unknown_while_disabled_and_when_nobody_answers(
    service: Service, stt: Stt
) -> None:
    code, out, _ = stt("status", "-o", "nagios", "--nats-url", "nats://n:1")
    assert code == 3
    assert out.startswith("STT UNKNOWN - no coordinator answers on NATS at nats://n:1")
    well = msgspec.structs.replace(
        samples.status().summary, counts=Counts(targets=1, targets_checked=1)
    )
    service.answer(Verb.STATUS, samples.status(state=OFF, summary=well))
    code, out, _ = stt("status", "-o", "nagios")
    assert code == 3
    assert out.startswith("STT UNKNOWN - checks are disabled; 0 critical")


def test_exceptions_and_checks_left_out_count_for_a_gate_and_a_report(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    holds(service, cases.ordinary())
    worst = next(
        r for r in cases.ordinary().results if r.findings and r.findings[0].accepted is None
    )
    file = tmp_path / "exceptions.yaml"
    entry = f"id: a, reason: r, check: {worst.check}, label: env=dev, until: 2026-12-30"
    file.write_text(f"exceptions:\n- {{{entry}}}\n")
    rows = tuple(
        TargetInfo(
            target=name, family=Family.MYSQL, site="eu-west", state="checked", labels={"env": "dev"}
        )
        for name in sorted({r.target for r in cases.ordinary().results})
    )
    service.answer(Verb.TARGETS, TargetsReply(targets=rows))
    before, after = (stt("gate", *words)[1] for words in ((), ("--exceptions", str(file))))
    assert before != after
    found = msgspec.json.decode(
        stt("report", "-o", "json", "--exceptions", str(file))[1], type=Report
    )
    assert found.summary.accepted > cases.ordinary().summary.accepted
    out = stt("report", "-o", "json", "--skip-check", worst.check)[1]
    left = msgspec.json.decode(out, type=Report)
    assert worst.check not in {r.check for r in left.results}
    assert left.summary == of_results(left.results)
    code, _, err = stt("gate", "--skip-check", "claen")
    assert (code, err[0]) == (2, "error: the report contains no check 'claen'")


def test_a_gate_passes_what_lies_in_the_baseline_and_prints_how_much(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    holds(service, cases.ordinary())
    file = tmp_path / "baseline.json"
    file.write_bytes(msgspec.json.encode(cases.ordinary()))
    code, out, _ = stt("gate", "--baseline", str(file), "--allow-incomplete", "--fail-on", "none")
    assert (code, out) == (0, "0 critical, 0 major, 0 trivial, 3 in the baseline\n")
    code, _, err = stt("gate", "--baseline", str(tmp_path / "none.json"))
    assert (code, err[0][:31]) == (2, "error: cannot read the baseline")


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("--skip-check", "mysql_empty_password"), 2),
        (("--check", "mysql_version"), 2),
        (("--site", "eu-west"), 1),
        (("--target", "books"), 0),
    ],
)
def test_a_part_of_a_report_keeps_its_databases_without_any_result(
    service: Service, stt: Stt, words: tuple[str, ...], missing: int
) -> None:
    whole = cases.unheard()
    more = samples.result("books", "mysql_empty_password", Outcome.PASSED)
    whole = msgspec.structs.replace(whole, results=(*whole.results, more))
    holds(service, whole)
    rows = tuple(
        TargetInfo(target=name, family=Family.MYSQL, site=site, state="never")
        for name, site in (("books", "eu-west"), ("lost", "eu-west"), ("other", "us"))
    )
    service.answer(Verb.TARGETS, TargetsReply(targets=rows))
    code, _, err = stt("gate", *words)
    assert code == (3 if missing else 0)
    wording = {1: "1 database without any result", 2: "2 databases without any result"}
    assert wording.get(missing, "") in "".join(err)


def test_a_file_of_exceptions_may_name_any_check_of_the_whole_report(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    ours = samples.result("books", "our_own_check", Outcome.PASSED)
    whole = msgspec.structs.replace(cases.clean(), results=(*cases.clean().results, ours))
    holds(service, whole)
    file = tmp_path / "exceptions.yaml"
    file.write_text(
        "exceptions:\n- {id: a, reason: r, check: our_own_check, site: x, until: 2026-12-30}\n"
    )
    for words in ((), ("--check", "mysql_version"), ("--skip-check", "our_own_check")):
        assert stt("gate", "--exceptions", str(file), *words)[0] == 0


def test_a_report_of_the_current_state_is_a_baseline(
    service: Service, stt: Stt, tmp_path: Path
) -> None:
    bare = msgspec.structs.replace(cases.ordinary(), run_id="", started=None, finished=None)
    holds(service, bare)
    file = tmp_path / "baseline.json"
    file.write_text(stt("report", "-o", "json")[1])
    code, out, _ = stt("gate", "--baseline", str(file), "--allow-incomplete")
    assert (code, out) == (0, "0 at or above critical\n")
