"""Sessions: how they begin, how often a log-in may fail, and how they end."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.control.log_ins import (
    MAX_IN_ALL,
    MAX_OF_ORIGIN,
    SESSION,
    WINDOW,
    Entry,
    LogIns,
)
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.web.login.addresses import origin_of
from stt_coordinator.web.login.login import login_of
from stt_coordinator.web.pages.login import local
from stt_coordinator.web.serve import front_of
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Role
from stt_shared.settings.web import WebSettings
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.visitors import (
    HTML,
    Client,
    bearing,
    login_with,
    tokens_in,
    visiting,
)


async def log_in(client: Client, token: str, to: str = "/settings", code: int = 303) -> str:
    """The form as a browser sends it, without any script; what came back."""
    form = await client.get("/settings", headers=HTML)
    field = re.search(r'name="_csrf_token" value="([^"]+)"', form.text)
    assert field is not None
    sent = {"_csrf_token": field[1], "token": token, "to": to}
    answer = await client.post("/login", data=sent, headers=HTML, follow_redirects=False)
    assert answer.status_code == code
    return answer.headers.get("location", "") or answer.text


async def test_a_page_asks_for_the_log_in_and_leads_back(file: Path) -> None:
    tokens = tokens_in(file, ann=Role.OPERATOR)
    async with visiting(login_with(file)) as client:
        asked = await client.get("/findings?state=all", headers=HTML)
        assert asked.status_code == 401
        assert 'name="to" value="/findings?state=all"' in asked.text
        assert "Checks:" not in asked.text
        assert await log_in(client, tokens["ann"], "/findings?state=all") == "/findings?state=all"
        page = await client.get("/settings", headers=HTML)
        assert "ann (operator)" in page.text
        assert 'action="/enable"' not in page.text


async def test_whoever_is_logged_in_gets_the_form_again(file: Path) -> None:
    tokens = tokens_in(file, ann=Role.OPERATOR)
    async with visiting(login_with(file)) as client:
        await log_in(client, tokens["ann"])
        form = await client.get("/login", headers=HTML)
        assert (form.status_code, "Log in" in form.text) == (200, True)


async def test_the_cookie_is_for_this_site_alone_and_no_script_reads_it(file: Path) -> None:
    tokens = tokens_in(file, ann=Role.VIEWER)
    places = {
        "http://127.0.0.1:8642": ("stt-session=", False),
        "https://stt.example": ("__Host-stt-session=", True),
    }
    for address, (name, secure) in places.items():
        async with visiting(login_with(file), address=address) as client:
            sent: list[str] = []
            client.event_hooks["response"].append(
                lambda answer, sent=sent: kept(sent, answer.headers.get_list("set-cookie"))
            )
            await log_in(client, tokens["ann"])
            cookie = next(one for one in sent if one.startswith(name))
            assert ("Secure" in cookie) is secure
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            assert "Path=/" in cookie
            assert f"Max-Age={int(SESSION.total_seconds())}" in cookie
            assert tokens["ann"] not in cookie


async def kept(sent: list[str], cookies: list[str]) -> None:
    sent.extend(cookies)


async def test_logging_out_ends_the_session_for_good(file: Path) -> None:
    tokens = tokens_in(file, ann=Role.VIEWER)
    async with visiting(login_with(file)) as client:
        await log_in(client, tokens["ann"])
        page = await client.get("/", headers=HTML)
        cookie = client.cookies["stt-session"]
        field = re.search(r'action="/logout">.*?value="([^"]+)"', page.text)
        assert field is not None
        done = await client.post(
            "/logout", data={"_csrf_token": field[1]}, headers=HTML, follow_redirects=False
        )
        assert (done.status_code, done.headers["location"]) == (303, "/login")
        client.cookies.set("stt-session", cookie)
        assert (await client.get("/", headers=HTML)).status_code == 401


async def test_logging_in_may_fail_only_so_often(file: Path) -> None:
    tokens = tokens_in(file, ann=Role.VIEWER)
    async with visiting(login_with(file)) as client:
        for _ in range(MAX_OF_ORIGIN):
            assert "Unknown token" in await log_in(client, "wrong", code=401)
        assert "Too many failed attempts" in await log_in(client, tokens["ann"], code=429)
        bearer = await client.get("/api/v1/status", headers=bearing(tokens["ann"]))
        assert bearer.status_code == 200


async def test_too_many_attempts_get_the_time_to_wait(file: Path) -> None:
    login = login_with(file) if tokens_in(file, ann=Role.VIEWER) else None
    assert login is not None
    async with visiting(login) as client:
        for _ in range(MAX_OF_ORIGIN):
            await log_in(client, "wrong", code=401)
        form = await client.get("/login", headers=HTML)
        field = re.search(r'name="_csrf_token" value="([^"]+)"', form.text)
        assert field is not None
        sent = {"_csrf_token": field[1], "token": "wrong"}
        answer = await client.post("/login", data=sent, headers=HTML)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= WINDOW.total_seconds()


async def failed_at(*addresses: str) -> LogIns:
    log_ins = LogIns(MemoryStore())
    for address in addresses:
        await log_ins.enter(origin_of(address), None, NOW)
    return log_ins


async def test_failures_are_counted_for_each_address_and_in_all_and_forgotten() -> None:
    log_ins = LogIns(MemoryStore())
    for _ in range(MAX_OF_ORIGIN):
        assert await log_ins.wait_s("10.0.0.1", NOW) == 0
        assert await log_ins.enter("10.0.0.1", None, NOW) == Entry()
    assert await log_ins.wait_s("10.0.0.1", NOW) == WINDOW.total_seconds()
    assert await log_ins.wait_s("10.0.0.2", NOW) == 0
    assert await log_ins.wait_s("10.0.0.1", NOW + WINDOW) == 0
    for number in range(MAX_IN_ALL):
        await log_ins.enter(f"10.1.{number}.1", None, NOW + WINDOW)
    assert await log_ins.wait_s("10.9.9.9", NOW + WINDOW) > 0


async def test_ipv4_visitors_of_an_ipv6_listener_are_counted_apart_and_as_over_ipv4() -> None:
    log_ins = await failed_at(*["::ffff:192.0.2.1"] * MAX_OF_ORIGIN)
    assert await log_ins.wait_s(origin_of("192.0.2.1"), NOW) > 0
    assert await log_ins.wait_s(origin_of("::ffff:192.0.2.2"), NOW) == 0


async def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    log_ins = await failed_at(*(f"2001:db8::{number}" for number in range(MAX_OF_ORIGIN)))
    assert await log_ins.wait_s(origin_of("2001:db8::ffff"), NOW) > 0
    assert await log_ins.wait_s(origin_of("2001:db8:0:1::1"), NOW) == 0


async def test_a_session_is_over_after_its_time() -> None:
    log_ins = LogIns(MemoryStore())
    first = (await log_ins.enter("10.0.0.1", "d", NOW)).session
    assert await log_ins.holder(first, NOW + SESSION - timedelta(seconds=1)) == "d"
    assert await log_ins.holder(first, NOW + SESSION) is None


async def test_a_token_taken_out_of_the_file_ends_its_sessions_too(file: Path) -> None:
    tokens = tokens_in(file, ann=Role.ADMIN, bob=Role.VIEWER)
    async with visiting(login_with(file)) as client:
        await log_in(client, tokens["ann"])
        assert (await client.get("/", headers=HTML)).status_code == 200
        bob = file.read_text().splitlines()[1]
        file.write_text(f"# ann has left\n{bob}\n")
        assert (await client.get("/", headers=HTML)).status_code == 401
        assert (await client.get("/version", headers=bearing(tokens["bob"]))).status_code == 200


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\nb", "/" * 3000]
)
def test_the_form_leads_to_no_other_site(to: str) -> None:
    assert local(to) == "/"


@pytest.mark.parametrize(
    ("web", "fault"),
    [
        (WebSettings(listen="0.0.0.0:8642"), "no log-in is configured"),  # refused
        (WebSettings(proxy_user_header="X-User"), "no proxy is trusted"),
        (WebSettings(trusted_proxies=("10.0.0.1",), proxy_role_header="X-R"), "names the user"),
        (WebSettings(tokens="/nowhere/tokens"), "cannot be read"),
        (WebSettings(key="/nowhere/key"), "web.cert is not"),
        (WebSettings(cert="/nowhere/cert"), "cannot be used"),
    ],
)
def test_settings_that_let_the_wrong_in_are_refused_at_the_start(
    web: WebSettings, fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault):
        front_of(web)


def test_with_a_log_in_any_address_is_taken(file: Path) -> None:
    tokens_in(file, ann=Role.VIEWER)
    front = front_of(WebSettings(listen="0.0.0.0:8642", tokens=str(file)))  # meant
    assert front.login is not None
    assert login_of(WebSettings()) is None


async def test_a_form_older_than_the_coordinator_says_so_and_works_after_a_reload() -> None:
    async with visiting() as client:
        client.cookies.set("stt-form", "of-the-one-before", domain="127.0.0.1")
        answer = await client.post("/disable", data={"_csrf_token": "x"}, headers=HTML)
        assert answer.status_code == 403
        assert "reload the page" in answer.text
        page = await client.get("/settings", headers=HTML)
        field = re.search(r'name="_csrf_token" value="([^"]+)"', page.text)
        assert field is not None
        sent = {"_csrf_token": field[1], "by": "ann", "reason": "x"}
        done = await client.post("/enable", data=sent, headers=HTML, follow_redirects=False)
        assert done.status_code == 303
