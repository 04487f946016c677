"""An address with a parameter or value that nothing reads is refused, never answered as without."""

from __future__ import annotations

import re
from typing import Any

import pytest
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from stt_coordinator.web.known_parameters import parameters_of
from tests.support.coordinator.visitors import HTML, JSON, Client, visiting

OK, BAD_REQUEST = 200, 400
# Of litestar itself, or for probes, which may add what they like.
OTHERS = re.compile(r"/(static|schema|healthz|readyz|version|metrics)")


def readers(client: Client) -> list[tuple[str, HTTPRouteHandler]]:
    """Every address that is read by GET, with its handler."""
    return [
        (route.path_format, handler)
        for route in client.app.routes
        if isinstance(route, HTTPRoute) and not OTHERS.match(route.path)
        for handler in route.route_handlers
        if "GET" in handler.http_methods
    ]


async def test_every_page_and_interface_address_refuses_what_it_does_not_know() -> None:
    async with visiting() as client:
        addresses = readers(client)
        assert len(addresses) > 30
        for path, _ in addresses:
            at = re.sub(r"{[^}]*}", "x", path)
            for accept in (JSON, HTML):
                reply = await client.get(at, params={"sort": "severity"}, headers=accept)
                assert reply.status_code == BAD_REQUEST, (path, reply.text)
                assert "unknown parameter" in reply.text
                assert "sort" in reply.text


async def test_what_a_handler_reads_is_what_it_is_allowed() -> None:
    async with visiting() as client:
        for route in client.app.routes:
            if not isinstance(route, HTTPRoute) or OTHERS.match(route.path):
                continue
            for handler, model in route.route_handler_map.values():
                read = {one.field_alias: one.is_sequence for one in model.expected_query_params}
                assert parameters_of(handler) == read, route.path


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("/findings?severty=major", "unknown parameter 'severty', did you mean 'severity'?"),
        ("/findings?state=all&state=open", "parameter 'state' is given 2 times, expected once"),
        ("/findings?severity=odd", "severity is 'odd', expected critical, major, trivial"),
        ("/findings?family=oracle", "family is 'oracle', expected mysql, postgresql, mongodb"),
        ("/findings?group=label", "group is 'label', expected "),
        ("/targets?state=odd", "state is 'odd', expected checked, unchecked, never, gone"),
        ("/accepted?state=odd", "state is 'odd', expected live, ended, revoked, all"),
        ("/api/v1/status?limit=3", "unknown parameter 'limit', expected none"),
        ("/api/v1/findings?limit=1&limit=2", "parameter 'limit' is given 2 times"),
    ],
)
async def test_a_refusal_names_the_parameter_and_what_is_expected(
    address: str, sentence: str
) -> None:
    async with visiting() as client:
        reply = await client.get(address, headers=JSON)
        problem: Any = reply.json()
        assert (reply.status_code, problem["code"]) == (BAD_REQUEST, "bad_request")
        assert problem["detail"].startswith(sentence)


@pytest.mark.parametrize(
    "address",
    [
        "/findings?severity=&family=&site=&target=&check=&state=open&group=&offset=0",
        "/targets?state=",
        "/accepted?state=",
        "/api/v1/findings?site=eu&site=us&limit=2",
        "/healthz?probe=1",
        "/login?to=/findings",
    ],
)
async def test_what_forms_and_probes_send_is_answered(address: str) -> None:
    async with visiting() as client:
        reply = await client.get(address, headers=HTML)
        assert reply.status_code != BAD_REQUEST, reply.text


@pytest.mark.parametrize(
    "address",
    ["/findings?state=odd", "/findings?check=nope", "/findings?target=nope"],
)
async def test_a_page_with_an_unknown_name_keeps_its_filters_and_has_the_status_of_a_fault(
    address: str,
) -> None:
    async with visiting() as client:
        reply = await client.get(address, headers=HTML)
        assert reply.status_code == BAD_REQUEST
        assert 'role="alert"' in reply.text


async def test_a_preflight_request_is_answered() -> None:
    async with visiting() as client:
        reply = await client.options("/api/v1/findings?severity=major")
        assert reply.status_code < BAD_REQUEST
