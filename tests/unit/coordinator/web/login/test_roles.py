"""Who may do what, in whose name it is done, and that nobody else gets in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from stt_coordinator.control.log_ins import LogIns
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.web.app import application
from stt_coordinator.web.login import authorization
from stt_shared.protocol.enums import Role
from tests.support.coordinator.visitors import (
    HTML,
    JSON,
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
    "/api/v1/targets/forget": "operator",
    "/api/v1/workers/forget": "operator",
}


OPEN_PATHS = {"/healthz", "/readyz", "/login", "/logout", "/static/{file_path}"}


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
    # Only its routes are looked at.
    app = application(cast("Any", None), log_ins=LogIns(MemoryStore()))
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


@pytest.mark.parametrize("header", ["Bearer nope", "Bearer ", "Basic YTpi", "stt_x", "Bearer \xe9"])
async def test_a_wrong_token_is_401(file: Path, header: str) -> None:
    tokens_in(file, ann=Role.ADMIN)
    async with visiting(login_with(file)) as client:
        headers = {**JSON, "authorization": header.encode("latin-1")}
        assert (await client.get("/api/v1/status", headers=headers)).status_code == 401  # type: ignore[arg-type]


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
