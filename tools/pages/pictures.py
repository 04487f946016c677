"""The pictures of every page and state in docs/pictures, and docs/pictures.md that lists them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "pictures"
REPORT = FOLDER / "axe.json"
PAGE = DOCS / "pictures.md"
MAX_BYTES = 80_000  # of one picture
THEMES = ("light", "dark")
WIDTHS = (1280, 360)  # pixels
NARROW = 390  # pixels of a phone, of which some pages have a picture too
ON_A_PHONE = (
    *("state-clear", "state-partial", "state-findings", "state-off", "checks", "check"),
    *("runs", "run", "changes-runs", "changes-week"),
)
HEAD = """# Every page and state in pictures

Written by the browser tests, in headless Chromium over real coordinators;
`STT_WRITE_PAGES=1 pytest tests/browser` makes them anew, and `STT_PICTURES=folder` keeps every look
as it is, those at 360 pixels too. The states are those of Home.

"""
REPORT_HEAD = """## What axe says

axe-core {version} with all of its rules and WCAG 2.2's target size, over each of them in both
themes and at both widths: {runs} looks, {violations} violations. A cell holds violations and the
rules that were passed; a page at 360 pixels does not scroll sideways.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What there is to see, and the template that shows it."""

    words: str
    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What axe reported about a page in one theme at one width."""

    theme: str
    width: int
    violations: int
    passes: int


def _of(template: str, **pictures: str) -> dict[str, Picture]:
    return {
        name.replace("_", "-"): Picture(words=words, template=template)
        for name, words in pictures.items()
    }


PICTURES: dict[str, Picture] = {
    **_of(
        "home.html",
        state_never="Never enabled: nothing is sent to any database",
        state_empty="Nothing to check: no worker has announced a database",
        state_first="The first run is in progress",
        state_clear="All clear: the one state that is green, as everything was checked",
        state_partial="Nothing failed, but not everything was checked",
        state_findings="Something failed",
        state_overdue="A run is overdue: the numbers are greyed and say of when they are",
        state_off="Checks disabled: by whom and why, with the numbers of the last run",
        home="Home over real databases, one of which does not answer",
        home_year="Home after a year",
        home_held="Home while the clocks of coordinator and NATS disagree",
    ),
    **_of("panel.html", panel="The panel to embed", panel_overdue="The panel when a run is missed"),
    **_of(
        "findings.html",
        findings="Findings, most severe first",
        findings_by_check="Findings by check",
        findings_unknown="Findings of a check that is unknown",
    ),
    **_of(
        "finding.html",
        finding="One finding: what, why, how to fix it",
        finding_accepted="A finding that is accepted until a day",
        finding_off="A finding while checks are off",
    ),
    **_of(
        "targets.html",
        targets="Targets",
        targets_unchecked="Targets that could not be checked, and why",
        targets_changed="Targets that are gone or claimed by another site, and forms for them",
        targets_none="No targets yet",
    ),
    **_of("checks.html", checks="Checks: what each finds, how often it runs"),
    **_of("check.html", check="One check: its statement, its script, its switch"),
    **_of(
        "runs.html",
        runs="Runs",
        runs_none="Before the first run",
        runs_year="Runs, the trend and the time to fix after a year",
    ),
    **_of(
        "run.html",
        run="One run and what it changed",
        run_going_on="A run as it goes on",
    ),
    **_of(
        "changes.html",
        changes_runs="Changes between two runs",
        changes_week="Changes in a week",
        changes_unknown="A run to compare with that is unknown",
    ),
    **_of("accepted.html", accepted="What is accepted, and what counts as something else"),
    **_of(
        "settings.html",
        settings="Settings",
        settings_pack="Settings with a signed pack: its key, and whose packs are taken",
        settings_never="Settings before checks were ever enabled",
        settings_overdue="Settings when a worker is missing",
        settings_doubled="Settings when two workers have one name",
        settings_left="Settings with workers that left, and a form to forget them",
        settings_ann="Settings for somebody who is logged in",
    ),
    **_of(
        "login.html",
        login="Logging in",
        login_asked="A page that needs a log-in",
        login_wrong="An unknown token",
    ),
    **_of("message.html", not_found="A page that is not there"),
    **_of("reload.html", stale_form="An expired form"),
}


def put(name: str, theme: str, jpeg: bytes) -> None:
    """Keep a picture in a theme, or in the width of a phone."""
    FOLDER.mkdir(exist_ok=True)
    path(name, theme).write_bytes(jpeg)


def path(name: str, theme: str) -> Path:
    """Where a picture is kept."""
    return FOLDER / f"{name}-{theme}.jpg"


def print_looks(name: str, looks: Sequence[Look], axe: str) -> None:
    """Keep what axe reported about one of PICTURES, and write the page anew."""
    report = known()
    report["axe-core"] = axe
    report.setdefault("pages", {})[name] = [asdict(one) for one in looks]
    report["pages"] = {one: report["pages"][one] for one in PICTURES if one in report["pages"]}
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    PAGE.write_text(page(report))


def known() -> dict[str, Any]:
    """The report as it was written last."""
    return json.loads(REPORT.read_text()) if REPORT.exists() else {}


def page(report: Mapping[str, Any]) -> str:
    """The page: a row of two pictures for each, then the report."""
    looks = [Look(**one) for row in report["pages"].values() for one in row]
    head = REPORT_HEAD.format(
        version=report["axe-core"],
        runs=len(looks),
        violations=sum(look.violations for look in looks),
    )
    return HEAD + _pictures() + head + _table(report["pages"])


def _pictures() -> str:
    rows = [
        f"| **{name}**: {one.words} | ![{one.words}, light](pictures/{name}-light.jpg)"
        f" | ![{one.words}, dark](pictures/{name}-dark.jpg) |\n"
        for name, one in PICTURES.items()
    ]
    return "| | light | dark |\n|---|---|---|\n" + "".join(rows) + "\n" + _phones()


def _phones() -> str:
    cells = [
        f"![{PICTURES[name].words}, on a phone](pictures/{name}-{NARROW}.jpg)"
        for name in ON_A_PHONE
    ]
    heads = " | ".join(ON_A_PHONE)
    line = "---|" * len(cells)
    return f"## On a phone, {NARROW} px\n\n| {heads} |\n|{line}\n| {' | '.join(cells)} |\n\n"


def _table(pages: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    columns = [(theme, width) for theme in THEMES for width in WIDTHS]
    heads = "".join(f" {theme}, {width} px |" for theme, width in columns)
    lines = [f"| page |{heads}\n", "|---|" + "---|" * len(columns) + "\n"]
    for name, looks in pages.items():
        cells = {(one["theme"], one["width"]): one for one in looks}
        texts = (
            f" {cells[c]['violations']} / {cells[c]['passes']} |" for c in columns if c in cells
        )
        lines.append(f"| {name} |{''.join(texts)}\n")
    return "".join(lines)
