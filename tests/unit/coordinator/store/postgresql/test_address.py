"""The URL of a PostgreSQL store: verified TLS unless it says otherwise, and never in a message."""

from __future__ import annotations

import pytest

from stt_coordinator.store.postgresql.address import address_of
from stt_shared.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("postgresql://db.example/stt", "verify-full"),
        ("postgresql://192.0.2.1/stt", "verify-full"),
        ("postgresql://localhost,db.example/stt", "verify-full"),
        ("postgresql://db.example/stt?sslmode=require", "require"),
        ("postgresql://127.0.0.1/stt", None),
        ("postgresql://[::1]/stt", None),
        ("postgresql://localhost/stt", None),
        ("postgresql:///stt?host=/run/postgresql", None),
        ("postgresql:///stt", None),
        ("postgresql://localhost/stt?hostaddr=127.0.0.1", None),
        ("postgresql://localhost/stt?hostaddr=192.0.2.9", "verify-full"),
        ("postgresql:///stt?hostaddr=127.0.0.1,192.0.2.9", "verify-full"),
        ("postgresql:///stt?service=prod", "verify-full"),
        ("postgresql://localhost/stt?service=prod", "verify-full"),
    ],
)
def test_tls_is_verified_unless_the_server_is_local_or_the_url_says_otherwise(
    url: str, sslmode: str | None
) -> None:
    assert address_of(url, "stt").parameters.get("sslmode") == sslmode


@pytest.mark.parametrize(
    ("name", "value", "url", "sslmode"),
    [
        ("PGHOST", "db.example", "postgresql:///stt", "verify-full"),
        ("PGHOST", "db.example", "postgresql://localhost/stt", None),
        ("PGHOST", "/run/postgresql", "postgresql:///stt", None),
        ("PGHOSTADDR", "192.0.2.9", "postgresql://localhost/stt", "verify-full"),
        ("PGSERVICE", "prod", "postgresql://localhost/stt", "verify-full"),
    ],
)
def test_a_server_that_the_environment_names_is_verified_too(
    name: str, value: str, url: str, sslmode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert address_of(url, "stt").parameters.get("sslmode") == sslmode


def test_the_certificates_of_the_system_are_trusted_unless_the_url_names_a_file() -> None:
    url = "postgresql://db.example/stt"
    assert address_of(url, "stt").parameters["sslrootcert"] == "system"
    named = address_of(f"{url}?sslrootcert=/etc/ca.pem", "stt").parameters
    assert (named["sslmode"], named["sslrootcert"]) == ("verify-full", "/etc/ca.pem")


def test_of_several_hosts_the_primary_is_asked() -> None:
    found = address_of("postgresql://u:p@one,two/stt", "stt")
    assert found.parameters["target_session_attrs"] == "read-write"
    assert found.place == "postgresql://one,two/stt"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://one:1,two:2/stt", "postgresql://one:1,two:2/stt"),
        ("postgresql://one,two/stt?port=7", "postgresql://one:7,two:7/stt"),
        ("postgresql://u@[::1]:7/stt", "postgresql://[::1]:7/stt"),
        ("postgresql:///stt?hostaddr=192.0.2.9&port=7", "postgresql://192.0.2.9:7/stt"),
    ],
)
def test_the_place_of_a_store_has_its_ports(url: str, place: str) -> None:
    assert address_of(url, "stt").place == place


def test_a_password_is_in_no_text_of_an_address_and_in_no_error() -> None:
    assert "geheim" not in repr(address_of("postgresql://u:geheim@db/stt", "stt"))
    with pytest.raises(ConfigError) as refused:
        address_of("postgresql://u:geheim@db:99999x/stt?geheim", "stt")
    assert "geheim" not in f"{refused.value!r} {refused.value.hint}"
    assert refused.value.__cause__ is None


def test_options_of_the_url_come_before_those_of_the_store() -> None:
    url = "postgresql://localhost/stt?options=-c%20search_path%3Dpublic"
    options = str(address_of(url, "mine").parameters["options"])
    assert options.index("search_path=public") < options.index("search_path=mine,pg_catalog")
