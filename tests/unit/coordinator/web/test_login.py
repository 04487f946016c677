"""Who may look, who may change what, and how nobody else gets in."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.datastructures import Headers
from litestar.handlers import HTTPRouteHandler

from stt_cli import main
from stt_coordinator.web.app import application
from stt_coordinator.web.login import authorization
from stt_coordinator.web.login.attempts import MAX_IN_ALL, MAX_OF_ADDRESS, WINDOW, Attempts
from stt_coordinator.web.login.login import Login, login_of
from stt_coordinator.web.login.proxy import DoubtfulError, Proxy
from stt_coordinator.web.login.sessions import MAX_SESSIONS, SESSION, Sessions
from stt_coordinator.web.login.tokens import TokenFile, digest_of, made, parsed
from stt_coordinator.web.pages.login import local
from stt_coordinator.web.serve import front_of
from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Role
from stt_shared.settings.web import WebSettings
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.visitors import (
    HTML,
    JSON,
    Client,
    bearing,
    login_with,
    tokens_in,
    visiting,
)

CHANGES = {
    "/api/v1/enable": "admin",
    "/api/v1/disable": "admin",
    "/api/v1/checks/mysql_version/disable": "admin",
    "/api/v1/checks/mysql_version/enable": "admin",
    "/api/v1/runs": "operator",
    "/api/v1/exceptions": "operator",
    "/api/v1/exceptions/x_1/revoke": "operator",
}
OPEN_PATHS = {"/healthz", "/readyz", "/login", "/logout", "/static/{file_path}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


async def test_without_a_token_every_address_but_the_open_ones_is_401(file: Path) -> None:
    tokens_in(file, ann=Role.ADMIN)
    async with visiting(login_with(file)) as client:
        for path in addresses(client.app):
            answer = await client.get(path, headers=JSON)
            expected = {401, 405} if path not in OPEN_PATHS else {200, 404, 405}
            assert answer.status_code in expected, path
        refused = await client.get("/api/v1/status", headers=JSON)
        assert refused.headers["www-authenticate"] == 'Bearer realm="stt"'
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "http_401"


def addresses(app: Litestar) -> set[str]:
    return {route.path_format if hasattr(route, "path_format") else route.path
            for route in app.routes}  # fmt: skip


async def test_each_role_may_do_its_own_and_what_those_below_may(file: Path) -> None:
    tokens = tokens_in(file, viewer=Role.VIEWER, operator=Role.OPERATOR, admin=Role.ADMIN)
    ranks = [str(role) for role in Role]
    async with visiting(login_with(file)) as client:
        for name, token in tokens.items():
            seen = await client.get("/api/v1/status", headers=bearing(token))
            assert seen.status_code == 200, name
            for path, needed in CHANGES.items():
                answer = await client.post(path, headers=bearing(token), json={})
                is_refused = answer.status_code == 403
                assert is_refused == (ranks.index(name) < ranks.index(needed)), (name, path)
                if is_refused:
                    assert f"the role of '{name}' is {name}" in answer.json()["detail"]


async def test_the_key_of_the_forms_stands_on_no_page(file: Path) -> None:
    token = tokens_in(file, ann=Role.ADMIN)["ann"]
    async with visiting(login_with(file)) as client:
        config = client.app.csrf_config
        assert config is not None
        assert len(config.secret) == 64
        for path in addresses(client.app):
            answer = await client.get(path, headers={**bearing(token), **HTML})
            assert config.secret not in answer.text + str(answer.headers), path
            assert token not in answer.text + str(answer.headers), path


def test_every_handler_that_changes_something_names_its_role() -> None:
    app = application(None)  # type: ignore[arg-type]  # only its routes are looked at
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler) and "POST" in handler.http_methods:
                assert authorization.KEY in handler.opt, route.path


async def test_what_is_done_is_done_in_the_name_of_who_logged_in(file: Path) -> None:
    tokens = tokens_in(file, ann=Role.ADMIN)
    async with visiting(login_with(file)) as client:
        sent = {"by": "somebody else", "reason": "CHG-1"}
        await client.post("/api/v1/enable", headers=bearing(tokens["ann"]), json=sent)
        status = await client.get("/api/v1/status", headers=bearing(tokens["ann"]))
        assert status.json()["state"]["by"] == "ann"


@pytest.mark.parametrize("said", ["Bearer nope", "Bearer ", "Basic YTpi", "stt_x", "Bearer \xe9"])
async def test_a_wrong_token_is_401(file: Path, said: str) -> None:
    tokens_in(file, ann=Role.ADMIN)
    async with visiting(login_with(file)) as client:
        headers = {**JSON, "authorization": said.encode("latin-1")}
        assert (await client.get("/api/v1/status", headers=headers)).status_code == 401  # type: ignore[arg-type]


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
        for _ in range(MAX_OF_ADDRESS):
            assert "Unknown token" in await log_in(client, "wrong", code=401)
        assert "Too many failed attempts" in await log_in(client, tokens["ann"], code=429)
        bearer = await client.get("/api/v1/status", headers=bearing(tokens["ann"]))
        assert bearer.status_code == 200


async def test_too_many_attempts_are_told_when_to_come_again(file: Path) -> None:
    login = login_with(file) if tokens_in(file, ann=Role.VIEWER) else None
    assert login is not None
    async with visiting(login) as client:
        for _ in range(MAX_OF_ADDRESS):
            await log_in(client, "wrong", code=401)
        form = await client.get("/login", headers=HTML)
        field = re.search(r'name="_csrf_token" value="([^"]+)"', form.text)
        assert field is not None
        sent = {"_csrf_token": field[1], "token": "wrong"}
        answer = await client.post("/login", data=sent, headers=HTML)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= WINDOW.total_seconds()


def test_failures_are_counted_for_each_address_and_in_all_and_forgotten() -> None:
    attempts = Attempts()
    for _ in range(MAX_OF_ADDRESS):
        assert attempts.wait_s("10.0.0.1", NOW) == 0
        attempts.failed("10.0.0.1", NOW)
    assert attempts.wait_s("10.0.0.1", NOW) == WINDOW.total_seconds()
    assert attempts.wait_s("10.0.0.2", NOW) == 0
    assert attempts.wait_s("10.0.0.1", NOW + WINDOW) == 0
    for number in range(MAX_IN_ALL):
        attempts.failed(f"10.1.{number}.1", NOW + WINDOW)
    assert attempts.wait_s("10.9.9.9", NOW + WINDOW) > 0


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    attempts = Attempts()
    for number in range(MAX_OF_ADDRESS):
        attempts.failed(f"2001:db8::{number}", NOW)
    assert attempts.wait_s("2001:db8::ffff", NOW) > 0
    assert attempts.wait_s("2001:db8:0:1::1", NOW) == 0


def test_a_session_is_over_after_its_time_and_the_oldest_makes_room() -> None:
    sessions = Sessions()
    first = sessions.begin("d", NOW)
    assert sessions.holder(first, NOW + SESSION - timedelta(seconds=1)) == "d"
    assert sessions.holder(first, NOW + SESSION) is None
    for _ in range(MAX_SESSIONS):
        sessions.begin("e", NOW)
    assert sessions.holder(first, NOW) is None


async def test_a_token_taken_out_of_the_file_ends_its_sessions_too(file: Path) -> None:
    tokens = tokens_in(file, ann=Role.ADMIN, bob=Role.VIEWER)
    async with visiting(login_with(file)) as client:
        await log_in(client, tokens["ann"])
        assert (await client.get("/", headers=HTML)).status_code == 200
        bob = file.read_text().splitlines()[1]
        file.write_text(f"# ann has left\n{bob}\n")
        assert (await client.get("/", headers=HTML)).status_code == 401
        assert (await client.get("/version", headers=bearing(tokens["bob"]))).status_code == 200


def test_a_file_that_is_spoiled_or_gone_lets_nobody_in_until_it_is_right(file: Path) -> None:
    token = tokens_in(file, ann=Role.VIEWER)["ann"]
    tokens, good = TokenFile(file), file.read_text()
    assert tokens.holder(token) is not None
    file.write_text(good + "bob viewer\n")
    assert tokens.holder(token) is None
    file.write_text(good)
    assert tokens.holder(token) is not None
    file.unlink()
    assert tokens.holder(token) is None
    file.write_text(good)
    file.chmod(0o600)
    assert tokens.holder(token) is not None
    file.chmod(0o604)
    assert tokens.holder(token) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ann viewer", ":1: 2 words, expected NAME ROLE sha256:HASH"),
        ("ann root sha256:" + "0" * 64, ":1: the role is not one of viewer, operator, admin"),
        ("\nann viewer stt_secret-token", ":2: the hash is not sha256: and 64 digits"),
        ("a/b viewer sha256:" + "0" * 64, ":1: the name is invalid, expected letters"),
        ("ann viewer sha256:{0}\nbob admin sha256:{0}".format("0" * 64), "listed twice"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_without_its_words(
    text: str, fault: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(text, tmp_path)
    assert fault in caught.value.message
    assert "secret-token" not in caught.value.message


@pytest.mark.parametrize("mode", [0o644, 0o602])
def test_a_file_that_is_open_to_everybody_is_refused(file: Path, mode: int) -> None:
    tokens_in(file, ann=Role.VIEWER)
    file.chmod(mode)
    with pytest.raises(ConfigError, match="gives everybody access"):
        TokenFile(file)


def test_a_token_is_never_the_same_and_the_file_has_only_its_hash() -> None:
    (one, line), (other, _) = made("ann", Role.VIEWER), made("ann", Role.VIEWER)
    assert one != other
    assert len(one) > 40
    assert line == f"ann viewer sha256:{digest_of(one)}"
    with pytest.raises(ConfigError, match="expected letters"):
        made("an n", Role.VIEWER)


PROXIED = Login(
    proxy=Proxy(
        networks=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")),
        user_header="X-User",
        role_header="X-Groups",
    )
)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([("X-User", "ann"), ("X-Groups", "staff, operator,viewer")], 403),
        ([("X-User", "ann"), ("X-Groups", "admin")], 200),
        ([("X-User", "ann"), ("X-Groups", "administrators")], 401),
        ([("X-User", "ann")], 401),
        ([("X-User", "a" * 101), ("X-Groups", "admin")], 401),
    ],
)
async def test_a_trusted_proxy_says_who_is_asking(
    headers: list[tuple[str, str]], status: int
) -> None:
    async with visiting(PROXIED) as client:
        client.headers.update(JSON)
        answer = await client.post("/api/v1/enable", headers=headers, json={})
        assert answer.status_code == status


async def test_a_visitor_who_is_no_trusted_proxy_is_not_believed() -> None:
    login = Login(proxy=Proxy(networks=(ip_network("10.9.9.9"),), user_header="X-User"))
    async with visiting(login) as client:
        headers = {**JSON, "X-User": "ann", "X-Forwarded-For": "10.9.9.9"}
        assert (await client.get("/api/v1/status", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "doubled", [[("x-user", "root")], [("x-groups", "admin")], [("x-user", ""), ("x-user", "ann")]]
)
def test_a_header_that_stands_there_twice_is_not_believed(doubled: list[tuple[str, str]]) -> None:
    every = [("x-user", "ann"), ("x-groups", "viewer"), *doubled]
    sent = Headers([(name.encode(), value.encode()) for name, value in every])
    with pytest.raises(DoubtfulError, match="expected once"):
        PROXIED.proxy.asker("127.0.0.1", sent)


@pytest.mark.parametrize(
    ("peer", "hops", "visitor"),
    [
        ("192.0.2.7", ("10.0.0.1",), "192.0.2.7"),
        ("127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", ("198.51.100.1, 192.0.2.7",), "192.0.2.7"),
        ("127.0.0.1", ("198.51.100.1", "192.0.2.7, 10.0.0.4"), "192.0.2.7"),
        ("127.0.0.1", ("forged",), "forged"),
    ],
)
def test_failures_count_for_the_last_address_that_is_no_proxy(
    peer: str, hops: tuple[str, ...], visitor: str
) -> None:
    sent = Headers([(b"x-forwarded-for", hop.encode()) for hop in hops])
    assert PROXIED.proxy.visitor(peer, sent) == visitor


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


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8642", 200),
        ("127.9.9.9:1", 200),
        ("[::1]:8642", 200),
        ("evil.example:8642", 401),
        ("127.0.0.1.evil.example", 401),
        ("10.0.0.5:8642", 401),
    ],
)
async def test_without_a_log_in_a_name_of_another_site_that_leads_here_opens_nothing(
    host: str, status: int
) -> None:
    async with visiting() as client:
        client.headers["host"] = host
        assert (await client.get("/api/v1/status")).status_code == status
        assert (await client.get("/", headers=HTML)).status_code == status
        done = await client.post("/api/v1/enable", json={})
        assert done.status_code == status
        assert (await client.get("/healthz")).status_code == 200


def test_the_command_prints_the_line_for_the_file_and_the_token_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.run(["web", "token", "new", "ann", "--role", "operator"]) == 0
    told = capsys.readouterr()
    (one,) = parsed(told.out, Path("tokens"))
    assert (one.name, one.role) == ("ann", Role.OPERATOR)
    token = re.search(r"stt_[\w-]{43}", told.err)
    assert token is not None
    assert digest_of(token[0]) == one.digest
    assert main.run(["web", "token", "new", "a b"]) == 2


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
