"""A trusted proxy names the user; nobody else is believed, and no header that is doubled."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from litestar.datastructures import Headers

from stt_coordinator.web.login.login import Login
from stt_coordinator.web.login.proxy import Proxy, RejectedProxyError
from tests.support.coordinator.visitors import (
    JSON,
    visiting,
)

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
    with pytest.raises(RejectedProxyError, match="expected once"):
        PROXIED.proxy.user_of("127.0.0.1", sent)


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


def test_a_proxy_is_trusted_by_its_ipv4_address_on_an_ipv6_listener_too() -> None:
    assert PROXIED.proxy.is_trusted("::ffff:10.1.2.3")
    assert not PROXIED.proxy.is_trusted("::ffff:192.0.2.1")
