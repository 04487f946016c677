"""Every state of the page in a real browser, over a store seeded into it, and a run going on."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser

from stt_coordinator.packs.fetcher import PackFetcher
from stt_coordinator.packs.sources import LocalSource
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.pack import archive
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.trust import Policy
from tests.support.browser.beside import beside
from tests.support.browser.looking import chromium, looked_at
from tests.support.browser.states import STATES, Site, serving
from tests.support.shared.packs import Signer, files_of

GREEN = ".note.good, .note .ok"
SENTENCES = {name: state.words[0] for name, state in STATES.items() if name != "findings"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.mark.parametrize("name", STATES)
def test_each_state_has_its_own_words_and_green_is_for_all_clear_alone(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    state = STATES[name]
    with beside(serving(tmp_path, state)) as site:
        text = looked_at(browser, site.url, f"state-{name}", tmp_path, state.words)
        others = [one for one, words in SENTENCES.items() if one != name and words in text]
        assert others == []
        page = browser.new_page()
        page.goto(site.url)
        assert (page.locator(GREEN).count() > 0) is (name == "clear")
        is_grey = "grayscale" in page.evaluate(
            "getComputedStyle(document.querySelector('.numbers')).filter"
        )
        assert is_grey is (name in ("never", "empty", "overdue", "off"))
        page.goto(f"{site.url}/panel")
        text = page.inner_text("main")
        assert name == "findings" or state.words[0] in text
        badge = page.request.get(f"{site.url}/panel.svg").text()
        assert state.badge in re.sub(r"&#\d+;", "", badge)
        page.close()


@contextmanager
def elsewhere(html: str) -> Generator[str]:
    """Another origin with one page."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_panel_is_embedded_in_a_page_of_another_origin_and_no_other_page_is(
    browser: Browser, tmp_path: Path
) -> None:
    with beside(serving(tmp_path, STATES["overdue"])) as site:
        looked_at(browser, f"{site.url}/panel", "panel-overdue", tmp_path, ("A run is overdue.",))
        frames = "".join(
            f'<iframe title="{path}" src="{site.url}{path}" width="900" height="400"></iframe>'
            for path in ("/panel", "/")
        )
        badge = f'<img src="{site.url}/panel.svg" alt="">'
        with elsewhere(f"<!doctype html><title>wiki</title>{frames}{badge}") as wiki:
            page = browser.new_page()
            refused: list[str] = []
            page.on("console", lambda message: refused.append(message.text))
            page.goto(wiki, wait_until="load")
            panel = page.frame_locator("iframe[title='/panel']")
            assert "A run is overdue." in panel.locator("main").inner_text()
            assert panel.locator(".numbers .n").first.inner_text() == "2"
            assert page.evaluate("document.images[0].naturalWidth") == 260
            home = page.frame_locator("iframe[title='/']")
            assert home.locator("main").count() == 0
            assert any("frame-ancestors" in one for one in refused)
            with page.expect_navigation(url=f"{site.url}/findings?severity=critical"):
                panel.locator(".numbers a.critical").click()  # over the whole window
            page.close()


def test_a_run_is_watched_as_it_goes_on(browser: Browser, tmp_path: Path) -> None:
    with beside(serving(tmp_path, STATES["first"])) as site:
        words = ("2 of 6 databases answered", "running")
        looked_at(browser, f"{site.url}/runs/{site.run}", "run-going-on", tmp_path, words)


def test_before_there_is_anything_lists_say_so(browser: Browser, tmp_path: Path) -> None:
    with beside(serving(tmp_path, STATES["empty"])) as site:
        words = ("No databases yet",)
        looked_at(browser, f"{site.url}/targets", "targets-none", tmp_path, words)
        page = browser.new_page()
        page.goto(f"{site.url}/findings")
        assert "No findings match these filters." in page.inner_text("main")
        page.close()


def test_settings_name_the_worker_that_is_missing(browser: Browser, tmp_path: Path) -> None:
    with beside(serving(tmp_path, STATES["overdue"])) as site:
        words = ("us-1", "◆ down", "1 d 7 h ago", "CHG-4400")
        looked_at(browser, f"{site.url}/settings", "settings-overdue", tmp_path, words)


def test_settings_show_the_pack_in_use_and_the_trusted_keys(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    signer, now = Signer(), clock.now()
    pack = archive.make(
        files_of("pg_one"),
        name="checks",
        serial=7,
        created=now,
        expires=now + timedelta(days=300),
    )
    data, signature = signer.signed(pack)
    file = Path("checks.pack")
    file.write_bytes(data)
    file.with_name("checks.pack.minisig").write_text(signature)
    policy = Policy(keys=(signer.key.public,), name="checks")

    def fetcher(bus: Bus) -> PackFetcher:
        source, serials = LocalSource(path=file, policy=policy), Serials(tmp_path)
        return PackFetcher(bus=bus, source=source, policy=policy, serials=serials, folder=tmp_path)

    with beside(serving(tmp_path, STATES["findings"], fetcher)) as site:
        key = signer.key.public.name
        words = ("checks 7 (1 check)", f"Signed by\n{key}", f"one of these keys:\n\n{key}")
        looked_at(browser, f"{site.url}/settings", "settings-pack", tmp_path, words)


def test_a_run_is_followed_while_it_goes_on(browser: Browser, tmp_path: Path) -> None:
    with beside(serving(tmp_path, STATES["first"])) as site:
        page = browser.new_page()
        page.goto(f"{site.url}/runs/{site.run}")
        text = page.locator("[data-text]")
        assert text.inner_text() == "2 of 6 databases answered"
        site.write(on(site, done=4))
        page.wait_for_selector("text=4 of 6 databases answered")
        assert page.locator("progress").evaluate("(one) => one.value") == 4
        site.write(on(site, done=6, state="finished", finished=clock.now()))
        page.wait_for_selector("dd:has-text('finished')")
        assert page.locator("progress").count() == 0
        page.close()


def on(site: Site, **changes: Any) -> Any:
    def work(ledger: Ledger) -> None:
        run = ledger.runs.get(site.run)
        assert run is not None
        ledger.runs.put(msgspec.structs.replace(run, **changes))

    return work
