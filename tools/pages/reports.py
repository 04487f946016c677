"""The page docs/reports.md, each format written from one real run.

Write it anew: python -m tools.pages.reports
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from stt_shared.checkfile.catalogue import builtin
from stt_shared.report.formats.names import ENDINGS, ReportFormat
from stt_shared.report.formats.render import render
from stt_shared.report.formats.report_context import ReportContext
from stt_shared.report.model import Report

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reports.md"
RUN = DOCS / "reports" / "run.json"
HTML = DOCS / "reports" / "report.html"
WRITTEN = datetime(2026, 11, 23, 15, 10, tzinfo=UTC)
VERSION = "0.1.0"

FOR = {
    ReportFormat.TABLE: "people: findings, what was not checked, what is accepted, the counts",
    ReportFormat.JSON: "programs: the whole report `stt.report/v1` (`stt schema report`)",
    ReportFormat.JSONL: "programs: one line per target and check",
    ReportFormat.CSV: "spreadsheets: a row per finding, and one per pair without a finding",
    ReportFormat.MD: "tickets, merge requests, wikis",
    ReportFormat.HTML: "managers and auditors: one file, nothing fetched, to print or to mail",
    ReportFormat.SARIF: "code scanning of forges, viewers of SARIF 2.1.0",
    ReportFormat.JUNIT: "the test page of a pipeline",
    ReportFormat.OCSF: "lakes and SIEMs: events of class Compliance Finding (2003), OCSF 1.5.0",
    ReportFormat.NAGIOS: "Nagios, Icinga, Checkmk: a line, performance data, an exit code",
}
HEAD = """# Reports

Any stored run, or the state now, in any of ten formats. Written from the code and one real run with
one check of another ([run.json](reports/run.json)); a test compares.

```
stt report                                   # the latest outcome of every check on every target
stt report --last -o html > report.html      # the newest run that has finished
stt report --run ID --export r.sarif --export r.csv --export junit:tests.xml
stt report --site eu-west --target orders-mysql-3 -o md
```

`-o` prints on stdout, `--export FILE` writes a file too, as often as you like; the file is there
whole or as it was before. `stt scan`, `stt run --wait`, `stt runs show`, `stt gate` and `stt demo`
take both, `stt findings list` takes `-o`.

| `-o` | for | endings of `--export` |
|---|---|---|
"""
WORDS = """
Any format under any name: `--export FORMAT:FILE`.

## What every format says

| | critical | major | trivial | accepted | not checked | passed |
|---|---|---|---|---|---|---|
| SARIF | `error`, 9.0 | `warning`, 7.0 | `note`, 3.0 | `suppressions` | notification | rule only |
| JUnit | `failure` | `failure` | property | property, `skipped` | `error` | passed |
| OCSF | 5 Critical, Fail | 4 High, Fail | 2 Low, Fail | Fail, Suppressed | Unknown | Pass |
| CSV `status` | `failed` | `failed` | `failed` | `accepted` | `not_checked` | `passed` |
| Nagios | CRITICAL | WARNING | OK | OK | UNKNOWN | OK |

* **Not checked is never clean.** SARIF has `executionSuccessful: false` then, and a page is green
  only where everything was checked. A target without any result, and a run that is still under way,
  are shown in every format but CSV, JSON and JSONL; there the counts and stderr show them.
* A check that asks every database of a server may leave some out: `passed, 2 databases not checked:
  billing (closed), old (invalid)`. Its verdict stands for the others; SARIF has a notification,
  JUnit a property and an error for the report, OCSF says Warning instead of Pass, CSV has the
  column `parts_not_checked`, a plugin says UNKNOWN, and a gate ends with 3.
* An accepted finding keeps its severity and shows by whom, until when and why it is accepted. A
  report of a stored run uses the exceptions of today.
* A pair of target and check that does not apply (`not_applicable`) counts as nothing.
* A fact that several checks find counts once, as the finding of its cause, which names the others
  (`implies`). Their results are failed without a finding for it and name the cause: `implied` in
  JSON, the status `implied` in CSV, `skipped` in JUnit, an event without severity in OCSF.
* Names come from databases: they cannot steer a terminal, be a formula in a spreadsheet, or leave
  their place in HTML, Markdown, XML or the line of a plugin.
* A report tells where your databases are weak: keep it where you keep such things.

## In a pipeline

```
stt gate --fail-on critical --export junit:stt.xml --export stt.sarif
```

evaluates the latest outcome of everything, or with `--run ID` or `--last` a stored run; `--site`,
`--family`, `--target` and `--check` narrow it.

| code | means |
|---|---|
| 0 | nothing at or above `--fail-on` (critical, major, trivial, none) |
| 1 | findings at or above it that nobody accepts |
| 2 | wrong usage, an unknown run, target or check, or a file that cannot be written |
| 3 | incomplete: more without an answer than `--max-not-checked`, targets without a result |
| 4 | NATS, the coordinator or its store cannot be reached |
| 5 | checks are disabled, so that the state now grows old; a stored run can still be evaluated |

`--allow-incomplete` turns 3 into 0 or 1, but for an installation that never checked anything.
The last line on stderr says why.

`stt report`, `stt gate` and `stt scan` can leave something out, so that a pipeline needs no
coordinator:

```
stt scan --config worker.toml --exceptions exceptions.yaml --skip-check mysql_version
```

* `--exceptions FILE` takes the file of [exceptions](operating.md#exceptions). It accepts findings
  and sets severities of this report alone; a coordinator's own exceptions stay in force. Every
  fault of the file that an import would find ends the command with 2 before a database is asked.
  An entry whose last day is past is named on stderr and has no effect. Entries for a label or a
  site need `--config`: a database given as a URL has no labels, and its site is `local`, or that of
  `--site`.
* `--baseline FILE` takes an earlier report (JSON of `stt scan` or `stt report`). What was open in
  it is accepted and counted apart (CSV has the status `baseline`), unless it is more severe now;
  only what is new fails. What the baseline itself accepts comes back when that acceptance ends, and
  a finding that the baseline does not have is new, even if it was there earlier. A report older
  than 400 days is refused. Of a report that was made with a baseline itself, the first day counts.
* `--skip-check NAME` leaves checks out: they are not run, and nothing counts them.
* `--max-not-checked N` lets so many checks, and parts of them, have no outcome.

## In monitoring

`stt status -o nagios` asks the coordinator and ends as a plugin does: 0 OK, 1 WARNING, 2 CRITICAL,
3 UNKNOWN. Disabled checks and a coordinator that does not answer are UNKNOWN; what is wrong with
STT itself is at least WARNING. `--not-checked-as unknown|warning|ok` says what it is when something
could not be checked and nothing worse is known. `stt report -o nagios` does the same for a run.

## Examples

"""
NOTES = {
    ReportFormat.SARIF: """One result per finding; `partialFingerprints` is its id, by which
GitHub knows it again. GitHub wants a path for each result: it is `targets.toml`, where targets are
written down; the place itself is the logical location `site/target/object`. GitHub takes 25,000
results of one file and shows 5,000. One result and one notification of the example:""",
    ReportFormat.OCSF: """An array of events, valid by the schemas of OCSF 1.5.0 to 1.8.0.
One event of the example:""",
    ReportFormat.HTML: "The whole file: [report.html](reports/report.html).",
    ReportFormat.JSON: "The whole file: [run.json](reports/run.json).",
    ReportFormat.CSV: """RFC 4180, UTF-8. A cell that would be a formula in a spreadsheet (it begins
with `=`, `+`, `-` or `@`) begins with an apostrophe. There is no byte
order mark: say UTF-8 where a spreadsheet asks.""",
}
FENCES = {ReportFormat.JUNIT: "xml", ReportFormat.CSV: "text", ReportFormat.MD: "markdown"}


def context() -> ReportContext:
    """The recorded run as every format is given it."""
    report = msgspec.json.decode(RUN.read_bytes(), type=Report)
    return ReportContext(report=report, at=WRITTEN, version=VERSION, checks=builtin().checks)


def page() -> str:
    """The whole text of docs/reports.md."""
    rows = "".join(f"| `{form}` | {FOR[form]} | {_endings(form)} |\n" for form in ReportFormat)
    return HEAD + rows + WORDS + "\n".join(_example(form) for form in ReportFormat)


def _endings(form: ReportFormat) -> str:
    return ", ".join(f"`{ending}`" for ending, of in ENDINGS.items() if of is form)


def _example(form: ReportFormat) -> str:
    note = f"{NOTES[form]}\n" if form in NOTES else ""
    shown = _shown(form)
    fence = FENCES.get(form, "json" if shown.startswith("{") else "text")
    block = f"````{fence}\n{shown}````\n" if shown else ""
    return "\n".join(part for part in (f"### {form}\n", note, block) if part)


def _shown(form: ReportFormat) -> str:
    text = render(context(), form)
    if form in (ReportFormat.HTML, ReportFormat.JSON):
        return ""
    if form is ReportFormat.SARIF:
        run = json.loads(text)["runs"][0]
        notification = run["invocations"][0]["toolExecutionNotifications"][0]
        return _json({"result": run["results"][0], "notification": notification})
    if form is ReportFormat.OCSF:
        return _json(json.loads(text)[0])
    lines = text.replace("\r\n", "\n").splitlines(keepends=True)
    if form is ReportFormat.JSONL:
        return "".join(lines[:2])
    return "".join(lines)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    HTML.write_text(render(context(), ReportFormat.HTML), encoding="utf-8")
