"""A page looked at in Chromium, in both themes and widths: axe, sideways scroll, pictures."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tools.pages.pictures import (
    MAX_BYTES,
    NARROW,
    ON_A_PHONE,
    PICTURES,
    THEMES,
    WIDTHS,
    Look,
    print_looks,
    put,
)

HEIGHT = 900  # pixels
# Pixels that a picture in docs shows of a page, and its quality: the first that is small enough.
SIZES = ((1_200, 60), (1_200, 45), (900, 45), (900, 32), (700, 32), (600, 25))
# Rules of WCAG 2.2 wait in axe until they are asked for.
RUN = """() => axe.run({
  resultTypes: ["violations"], rules: {"target-size": {enabled: true}}
}).then(({violations, passes, testEngine}) => (
  {violations, passes: passes.length, version: testEngine.version}
))"""
# Tables whose rows are lists on a narrow page: those that are cut, and cells with another heading.
STACKED = """() => [...document.querySelectorAll("table.stack")].flatMap((table) => {
  const heads = [...table.querySelectorAll("thead th")].map((one) => one.textContent);
  const named = [...table.querySelectorAll("tbody tr")].flatMap((row) => [...row.cells].map(
    (cell, place) => [cell.dataset.label ?? "", heads[place], cell.outerHTML.slice(0, 80)]));
  const wrong = named.filter(([label, head]) => label !== head);
  const around = table.parentElement, name = table.caption.textContent;
  return around.scrollWidth > around.clientWidth ? [...wrong, [name, "cut"]] : wrong;
})"""


@contextmanager
def chromium() -> Generator[Browser]:
    """Headless, and without anything from the network."""
    with sync_playwright() as driver:
        one = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield one
        one.close()


def looked_at(
    browser: Browser, url: str, name: str, folder: Path, words: Sequence[str] = ()
) -> str:
    """A page in both themes and widths, with the words it must have; its text."""
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": HEIGHT})
    wrong = wrongs(page, url)
    page.goto(url)
    text = seen(page, name, folder)
    assert [word for word in words if word not in text] == [], text
    assert wrong == [], url
    page.close()
    return text


def wrongs(page: Page, url: str) -> list[str]:
    """What is complained of, and what is asked of anybody but the server of `url`.

    A browser also complains of the status 400 of a page that names a fault of its own address.
    """
    found: list[str] = []
    origin = "{0.scheme}://{0.netloc}/".format(urlsplit(url))

    def complained(message: ConsoleMessage) -> None:
        is_own = message.location["url"] == url and "status of 400" in message.text
        if message.type == "error" and not is_own:
            found.append(message.text)

    page.on("console", complained)
    page.on("request", lambda it: None if it.url.startswith(origin) else found.append(it.url))
    return found


def seen(page: Page, name: str, folder: Path) -> str:
    """A page that is open: no violation and no sideways scroll, and pictures of it; its text."""
    assert name in PICTURES, name
    writes = bool(os.environ.get("STT_WRITE_PAGES"))
    looks: list[Look] = []
    axe = ""
    page.wait_for_load_state("load")  # without its style sheet everything has another size
    page.evaluate(AXE_SCRIPT)
    for theme in THEMES:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            found = page.evaluate(RUN)
            kept = pictures_in(folder) / f"{name}-{theme}-{width}.png"
            page.screenshot(path=kept, full_page=True)
            wrong = AxeResults(found).generate_report()
            assert found["violations"] == [], (name, theme, width, wrong)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            assert page.evaluate(STACKED) == [], (name, width)
            looks.append(Look(theme=theme, width=width, violations=0, passes=found["passes"]))
            axe = found["version"]
            if writes and width == WIDTHS[0]:
                put(name, theme, jpeg(page, width))
    if writes:
        if name in ON_A_PHONE:
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": NARROW, "height": HEIGHT})
            page.screenshot(path=pictures_in(folder) / f"{name}-{NARROW}.png", full_page=True)
            put(name, str(NARROW), jpeg(page, NARROW))
        print_looks(name, looks, axe)
    return page.inner_text("main")


def pictures_in(folder: Path) -> Path:
    """Where pictures of every width and theme are kept for who runs the tests."""
    found = Path(os.environ.get("STT_PICTURES", folder / "pictures"))
    found.mkdir(parents=True, exist_ok=True)
    return found


def jpeg(page: Page, width: int) -> bytes:
    """The page as docs show it, not longer than people look."""
    whole = page.evaluate("Math.ceil(document.body.getBoundingClientRect().bottom)")
    for height, quality in SIZES:
        clip = {"x": 0, "y": 0, "width": width, "height": min(whole, height)}
        found = page.screenshot(type="jpeg", quality=quality, full_page=True, clip=clip)  # type: ignore[arg-type]
        if len(found) < MAX_BYTES:
            return found
    raise AssertionError(page.url)
