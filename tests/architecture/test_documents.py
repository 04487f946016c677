"""Decisions are numbered without a gap and indexed, and every document that is named exists."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADR = ROOT / "docs" / "adr"
DECISIONS = sorted(ADR.glob("[0-9]*.md"))
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)")
NAMED = re.compile(r"(?<![\w./*-])(?:docs|tests|tools)/[\w./*-]+\.(?:md|py|svg|json|yaml)\b")
CITED = re.compile(r"\bADR[- ](\d{4})\b")
TEXTS = {".md", ".py", ".toml", ".yaml", ".yml", ".sql", ".service", ".star", ".html", ""}


def files() -> Iterator[tuple[str, str]]:
    """Every text file that git knows, with its content."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        path = ROOT / name
        if path.suffix in TEXTS and path.is_file():
            yield name, path.read_text(encoding="utf-8", errors="replace")


FILES = dict(files())
PAGES = sorted(name for name in FILES if name.endswith(".md"))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}


def test_numbers_of_decisions_have_no_gap() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_opens_with_number_title_and_status_and_stands_in_the_index(path: Path) -> None:
    opening = re.match(
        r"# (\d{4}) (.+)\n\nStatus: (accepted|replaced by|proposed)", path.read_text()
    )
    assert opening is not None, path
    assert opening[1] == path.name[:4]
    assert f"| [{opening[1]}]({path.name}) | {opening[2]} | " in (ADR / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: str) -> None:
    broken: list[str] = []
    for target, anchor in LINK.findall(FILES[page]):
        if "://" in target or target.startswith("mailto:"):
            continue
        found = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        if not found.exists() or (anchor and anchor not in anchors(found.read_text())):
            broken.append(f"{target}#{anchor}" if anchor else target)
    assert broken == []


def test_every_document_that_code_or_a_page_names_exists() -> None:
    missing = {
        f"{name}: {named}"
        for name, text in FILES.items()
        for named in NAMED.findall(text)
        if not any(ROOT.glob(named))
    }
    assert missing == set()


def test_every_decision_that_is_cited_exists() -> None:
    numbers = {path.name[:4] for path in DECISIONS}
    assert {cited for text in FILES.values() for cited in CITED.findall(text)} <= numbers


def linked(page: str) -> set[str]:
    """The files of this repository that `page` links to, by their names in it."""
    folder = (ROOT / page).parent
    targets = {target for target, _ in LINK.findall(FILES[page]) if target and "://" not in target}
    return {str((folder / target).resolve().relative_to(ROOT)) for target in targets}


def test_a_newcomer_reaches_every_page_from_the_readme() -> None:
    reached: set[str] = set()
    waiting = {"README.md"}
    while waiting:
        page = waiting.pop()
        reached.add(page)
        if page in FILES and page.endswith(".md"):
            waiting |= linked(page) - reached
    documents = {name for name in PAGES if name.startswith("docs/") or "/" not in name}
    assert (documents | {"LICENSE"}) - reached == set()
