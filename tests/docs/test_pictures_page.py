"""docs/pictures.md: every page and state that the browser tests know, light and dark, and axe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import stt_coordinator.web
from tests.support.browser.states import STATES
from tools.pages.pictures import (
    FOLDER,
    MAX_BYTES,
    NARROW,
    ON_A_PHONE,
    PAGE,
    PICTURES,
    REPORT,
    THEMES,
    WIDTHS,
    known,
    page,
    path,
)

TESTS = Path(__file__).parents[1] / "browser"
TEMPLATES = Path(stt_coordinator.web.__file__).with_name("templates")
PARTS = {"base.html"}  # of every page


def test_the_page_is_what_the_report_says() -> None:
    assert PAGE.read_text() == page(known())


@pytest.mark.parametrize("name", PICTURES)
def test_there_are_small_pictures_in_both_themes_and_axe_found_nothing(name: str) -> None:
    phones = [str(NARROW)] if name in ON_A_PHONE else []
    for kind in (*THEMES, *phones):
        jpeg = path(name, kind).read_bytes()
        assert jpeg.startswith(b"\xff\xd8\xff")
        assert len(jpeg) < MAX_BYTES, (name, kind)
    looks = known()["pages"][name]
    assert [(one["theme"], one["width"]) for one in looks] == [
        (theme, width) for theme in THEMES for width in WIDTHS
    ]
    assert {one["violations"] for one in looks} == {0}
    assert min(one["passes"] for one in looks) > 10


def test_no_picture_is_left_over() -> None:
    kept = {path(name, theme) for name in PICTURES for theme in THEMES}
    kept |= {path(name, str(NARROW)) for name in ON_A_PHONE}
    assert set(FOLDER.iterdir()) == {*kept, REPORT}


def test_every_template_and_every_state_is_shown() -> None:
    pages = {path.name for path in TEMPLATES.glob("*.html") if not path.name.startswith("_")}
    assert {one.template for one in PICTURES.values()} == pages - PARTS
    assert {f"state-{name}" for name in STATES} <= set(PICTURES)


def test_every_name_is_that_of_a_look_in_a_browser_test() -> None:
    texts = "".join(path.read_text() for path in TESTS.glob("test_*.py"))
    looked = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', texts)) | {f"state-{n}" for n in STATES}
    assert set(PICTURES) - looked == set()
