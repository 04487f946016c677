"""Scripts of PMM read versions and addresses exactly as in PMM, whatever text comes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stt_worker.sandbox.addresses import ip_is_private, is_private_in_pmm
from stt_worker.sandbox.pmm.functions import format_version_num, parse_version
from tests.support.checks import go

DIGITS = st.from_regex(r"[0-9]{1,3}", fullmatch=True)
VERSIONS = st.builds("{}.{}{}{}".format, DIGITS, DIGITS, st.sampled_from([".", ""]), st.text())
IPV4 = st.builds("{}.{}.{}.{}".format, *[st.integers(0, 300)] * 4)
IPV6 = st.lists(st.from_regex(r"[0-9a-f]{0,5}|::ffff:10\.0\.0\.1|::", fullmatch=True)).map(":".join)
NETWORKS = st.builds("{}{}".format, IPV4 | IPV6, st.sampled_from(["", "/", "/8", "/104", "/07"]))


def outcome(function: Callable[..., object], value: object) -> object:
    try:
        return function(value)
    except (ValueError, TypeError, go.PmmError):
        return "error"


@given(VERSIONS | st.text() | st.integers() | st.none())
@example("10.5.8-MariaDB-3-log")
@example("6.0")
@example("8.0.33\n")
@example("1.2.3-99999999999999999999")
@example("9223372036854775808.0.0")
@example("\u0661.0.0")
def test_versions_are_those_of_pmm(value: object) -> None:
    assert outcome(parse_version, value) == outcome(go.parse_version, value)


@given(st.integers(-(2**65), 2**65) | st.booleans() | st.floats() | st.text() | st.none())
@example(80034026)
@example(-80034)
@example(10_000_000)
@example(True)  # no integer in Starlark
def test_numbers_of_versions_are_those_of_pmm(value: object) -> None:
    assert outcome(format_version_num, value) == outcome(go.format_version_num, value)


@given(NETWORKS | st.text() | st.integers() | st.none())
@example("10.0.0.0/255.255.255.0")
@example("::ffff:10.0.0.1")
@example("::ffff:8.8.8.8")
@example("::ffff:10.0.0.0/104")
@example("fe80::1%eth0")
@example("10.0.0.0/7")
@example("0.0.0.0/0")
@example("10.0.0.1/32\n")
def test_private_addresses_are_those_of_pmm(value: object) -> None:
    assert outcome(is_private_in_pmm, value) == outcome(go.ip_is_private, value)


@pytest.mark.parametrize(
    ("text", "private"),
    [
        *(("10.1.2.3", True), ("172.16.5.5/12", True), ("::1", True), ("::ffff:10.0.0.1", True)),
        *(("8.8.8.8", False), ("10.0.0.0/7", False), ("0.0.0.0/0", False), ("::/0", False)),
        *(("10.0.0.0/255.255.255.0", None), ("192.168.%", None), ("localhost", None), ("", None)),
    ],
)
def test_an_address_is_private_public_or_none(text: str, private: bool | None) -> None:
    assert is_private_in_pmm(text) is private


@pytest.mark.parametrize(
    ("text", "private"),
    [("10.0.0.0/255.255.255.0", True), ("8.8.0.0/255.255.0.0", False), ("::ffff:10.0.0.1", True)],
)
def test_our_own_scripts_read_netmasks_too(text: str, private: bool) -> None:
    assert ip_is_private(text) is private
