"""Addresses of NATS: the log-in is decoded, and no fault shows any of it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.errors import ConfigError
from stt_shared.nats_address import parse
from stt_shared.settings import load

SECRET = "Zq-hunter2"


def test_servers_have_a_scheme_and_no_log_in() -> None:
    found = parse("nats://a:4222, tls://[::1]:4223/,c.example,d:4224")
    assert found.servers == (
        "nats://a:4222",
        "tls://[::1]:4223",
        "nats://c.example",
        "nats://d:4224",
    )
    assert not found.has_login


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(max_size=30).filter(str.isascii),
)
def test_user_and_password_are_decoded_whatever_they_hold(user: str, password: str) -> None:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    found = parse(f"nats://{login}@a,tls://{login}@b:1")
    assert (found.user, found.password, found.token) == (user, password, "")
    assert found.servers == ("nats://a", "tls://b:1")
    assert parse(f"nats://{quote(user, safe='')}@a").token == user
    assert not password or password not in repr(found).replace(user, "") or len(password) < 8


@pytest.mark.parametrize(
    "url",
    [
        f"nats://u:{SECRET}@",
        f"nats://u:{SECRET}/x@host",
        f"nats://u:{SECRET}@x@host",
        f"nats://u:{SECRET},x@host",
        f"nats://u:{SECRET}%zz@host",
        f"nats://u:{SECRET}%ff@host",
        f"nats://u:{SECRET} x@host",
        f"nats://:{SECRET}@host",
        f"nats://u:{SECRET}@host:99999",
        f"nats://u:{SECRET}@host:0",
        f"nats://u:{SECRET}@a,nats://b",
        f"nats://u:{SECRET}@a,nats://v:{SECRET}@b",
        f"http://u:{SECRET}@host",
        f"u:{SECRET}@ho st",
        "",
    ],
)
def test_a_wrong_address_is_refused_and_not_shown(url: str) -> None:
    for variable in ("STT_NATS_URL", "NATS_URL"):
        with pytest.raises(ConfigError) as caught:
            load(flags={}, environ={variable: url})
        assert "nats.url is" in caught.value.message
        assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    ("given_settings", "says"),
    [
        ({"nats.url": "nats://u:p@h", "nats.user": "v"}, "more than one log-in: nats.url (flag"),
        ({"nats.url": "nats://t@h", "nats.creds": "/c"}, "more than one log-in"),
        ({"nats.user": "u", "nats.creds": "/c"}, "nats.user (flag --nats-user), nats.creds"),
        ({"nats.password": "p"}, "nats.password has no effect without nats.user"),
        ({"nats.key": "/k"}, "nats.key has no effect without nats.cert"),
    ],
)
def test_no_part_of_a_log_in_is_ignored(given_settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(flags=given_settings, environ={})
    assert says in caught.value.message
