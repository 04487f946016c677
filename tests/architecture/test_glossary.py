"""Retired words stay out of code, documents, messages, page and tests."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
MOST_LINES = 60
CODE = ("cli", "coordinator", "worker", "shared", "tools")
ROOTS = (*CODE, "tests", "docs", "examples", "README.md")
LEFT_OUT = ("docs/adr/", "docs/glossary.md", "tests/data/", "tests/architecture/test_glossary.py")
TEXTS = (".py", ".md", ".sql", ".html", ".toml", ".yaml", ".yml", ".star", ".js", ".css")
# Alone or as a part of a name, such as DeskError; with the word that took its place.
RETIRED = {
    "[Dd]esk": "HandlerContext",
    "[Bb]ells": "wakeups",
    "[Mm]eters": "counters",
    "[Ss]helf": "pack_registry",
    "[Pp]atience|PATIENCE": "delivery_loop, or a limit with its unit",
    "[Rr]ehears(?:al|ed|e)": "dry_run",
    "[Oo]wn_control": "wait_for",
    "let_out": "outbox_publisher",
    "sum_up": "publish_summary",
    "books_changed": "store_changed",
    "[Nn]ursery|[Zz]ygote": "fork server, Spawner",
    "[Ee]quipment|equipped": "CheckRuntime",
    "Turns|free_turn": "AdmissionQueue",
    "SETTLED": "what ended, such as acknowledged",
}
# Words of speech for data: fine in a sentence about people, never for what a program reads.
SPEECH = {
    "[Jj]udge[sd]?|[Jj]udging|JUDGED": "evaluate, evaluated, verdict",
    "_?said(?!_severity)|SAID": "output, reported, message",
    "_?told|TOLD": "reported, sent, shown",
    "_?settled": "acknowledged, ended; the verb `settle` is for deliveries alone",
}
# They read and write the JSON field `said` of `stt alerts test`.
SURFACE = (
    "coordinator/stt_coordinator/alerts/",
    "tests/integration/coordinator/alerts/test_alerts_test.py",
)
NAMES = {
    r"\bclass (?:Taken|Means|Station|Parts|Line)\b": "what it is, such as ReceivedResult",
    r"\bdef (?:look|told|said|tell|everywhere)\(": "what it does, such as inspect",
}
RIDDLES = {
    "As the database told": "Evidence",
    "No finding is like that": "No findings match these filters",
    "Take back": "Revoke",
    "no key is believed": "no trusted key is configured",
    "in clear are taken": "unencrypted connections are accepted",
    "no day to compare with": "no comparison yet (first day)",
    "cannot be judged": "the check cannot decide",
    "takes no password": "cannot use a password",
}


def texts(roots: tuple[str, ...], endings: tuple[str, ...]) -> list[Path]:
    git = ["git", "ls-files", *roots]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.splitlines() if name.endswith(endings)]
    paths = [ROOT / name for name in names if not name.startswith(LEFT_OUT)]
    return [path for path in paths if path.is_file()]


def uses(
    pattern: str, roots: tuple[str, ...] = ROOTS, endings: tuple[str, ...] = TEXTS
) -> list[str]:
    found: list[str] = []
    for path in texts(roots, endings):
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip():.90}"
            for number, line in enumerate(lines, start=1)
            if re.search(pattern, line)
        ]
    return found


@pytest.mark.parametrize(("word", "instead"), RETIRED.items())
def test_a_retired_word_is_gone(word: str, instead: str) -> None:
    assert uses(rf"(?<![a-z])(?:{word})(?![a-z])") == [], f"say {instead}"


@pytest.mark.parametrize(("word", "instead"), SPEECH.items())
def test_no_word_of_speech_stands_for_data(word: str, instead: str) -> None:
    found = uses(rf"(?<![a-z])(?:{word})(?![a-z])", (*ROOTS, "checks"), (".py", ".md", ".yaml"))
    assert [one for one in found if not one.startswith(SURFACE)] == [], instead


@pytest.mark.parametrize(("name", "instead"), NAMES.items())
def test_a_name_says_what_it_is(name: str, instead: str) -> None:
    assert uses(name, CODE) == [], f"say {instead}"


@pytest.mark.parametrize(("riddle", "instead"), RIDDLES.items())
def test_a_riddle_is_gone(riddle: str, instead: str) -> None:
    assert uses(riddle) == [], f"say {instead}"


def test_the_glossary_is_short_in_order_and_says_each_word_once() -> None:
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    rows = [line.split("|")[1].strip() for line in lines if line.startswith("| ")][1:]
    assert rows == sorted(rows, key=str.lower)
    assert len(set(rows)) == len(rows)
