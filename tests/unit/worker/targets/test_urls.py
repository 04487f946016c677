"""Database URLs: what people copy is understood, faults are reported without the password."""

from __future__ import annotations

import pytest

from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint, Tls
from stt_worker.targets.urls import key_faults, parse, without_tls_if_local

SECRET = "pa55word"


def endpoint(url: str) -> Endpoint:
    return parse(url).endpoint


@pytest.mark.parametrize(
    ("url", "family", "port"),
    [
        ("mysql://db", Family.MYSQL, 3306),
        ("mariadb://db", Family.MYSQL, 3306),
        ("postgresql://db", Family.POSTGRESQL, 5432),
        ("postgres://db", Family.POSTGRESQL, 5432),
        ("MongoDB://db", Family.MONGODB, 27017),
    ],
)
def test_each_scheme_names_its_family_and_default_port(url: str, family: Family, port: int) -> None:
    assert endpoint(url) == Endpoint(family=family, host="db", port=port)


def test_user_and_password_may_hold_any_character_when_percent_encoded() -> None:
    found = endpoint("mysql://us%40er:%40%3A%2F%3F%23%25%20%C3%A4@db:3307/")
    assert (found.user, found.password, found.port) == ("us@er", "@:/?#% ä", 3307)


def test_an_ipv6_host_stands_in_brackets() -> None:
    assert (endpoint("postgresql://u@[::1]:5433/app").host, endpoint("mysql://[fe80::1]").host) == (
        "::1",
        "fe80::1",
    )


@pytest.mark.parametrize(
    ("url", "socket"),
    [
        ("mysql://u@localhost/?socket=/run/My/my.sock", "/run/My/my.sock"),
        ("postgresql:///app?host=/run/pg", "/run/pg/.s.PGSQL.5432"),
        ("postgresql://%2Frun%2FPg:5433/app", "/run/Pg/.s.PGSQL.5433"),
        ("postgresql://u@/app?socket=/run/pg/.s.PGSQL.6000", "/run/pg/.s.PGSQL.6000"),
        ("mongodb://%2Ftmp%2Fmongodb-27017.sock/", "/tmp/mongodb-27017.sock"),  # noqa: S108
    ],
)
def test_unix_sockets_are_named_as_each_family_has_it_and_need_no_tls(
    url: str, socket: str
) -> None:
    found = endpoint(url)
    assert (found.socket, found.tls.mode, found.host) == (socket, "off", "")


@pytest.mark.parametrize(
    ("url", "tls"),
    [
        ("postgresql://db", Tls(mode="verify-full")),
        ("postgresql://db?sslmode=disable", Tls(mode="off")),
        ("postgresql://db?sslmode=require&sslrootcert=/ca", Tls(mode="require", ca="/ca")),
        ("mysql://db?ssl-mode=VERIFY_IDENTITY", Tls(mode="verify-full")),
        (
            "mysql://db?ssl_mode=VERIFY_CA&ssl-ca=/ca&ssl-cert=/c&ssl-key=/k",
            Tls(mode="verify-ca", ca="/ca", cert="/c", key="/k"),
        ),
        ("mongodb://db?tls=false", Tls(mode="off")),
        ("mongodb://db?tls=true&tlsCAFile=/ca", Tls(mode="verify-full", ca="/ca")),
        ("mongodb://db?ssl=true&tlsAllowInvalidHostnames=true", Tls(mode="verify-ca")),
        ("mongodb://db?tlsAllowInvalidCertificates=true", Tls(mode="require")),
        ("mongodb://db?tlsCertificateKeyFile=/both", Tls(cert="/both", key="/both")),
        ("mysql://db?tls=require", Tls(mode="require")),
    ],
)
def test_the_tls_words_of_each_family_are_understood(url: str, tls: Tls) -> None:
    assert endpoint(url).tls == tls


def test_the_authentication_source_of_mongodb_wins_over_the_path() -> None:
    assert endpoint("mongodb://db/app?authSource=admin").database == "admin"
    assert endpoint("mongodb://db/app").database == "app"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"oracle://u:{SECRET}@db", "scheme 'oracle'"),
        (f"{SECRET}", "no known scheme"),
        (f"mongodb+srv://u:{SECRET}@db", "which is for a cluster"),
        (f"mysql://u:{SECRET}@db:99999", "port"),
        (f"mysql://u:{SECRET}@db:x", "port"),
        (f"mysql://u:{SECRET}/x@db", "unencoded @ or #"),
        (f"mysql://u:{SECRET}?x@db", "unencoded @ or #"),
        (f"mysql://u:{SECRET}#x@db", "unencoded @ or #"),
        (f"mysql://u:{SECRET}@x@db", "unencoded @ or %"),
        (f"mysql://u:{SECRET}%zz@db", "unencoded @ or %"),
        (f"mysql://u:{SECRET}:x@db", "unencoded :"),
        (f"mysql://u:{SECRET} x@db", "contains a space"),
        (f"mysql://u:{SECRET}@[::1", "host"),
        (f"mysql://u:{SECRET}@::1", "host"),
        (f"mongodb://u:{SECRET}@a,b", "several hosts"),
        (f"mysql://u:{SECRET}@db/a/b", "path"),
        (f"mysql://u:{SECRET}@db?colour=red", "unknown parameter 'colour'"),
        (f"mysql://u@db?{SECRET}!=1", "unknown parameter a parameter"),
        (f"postgresql://u:{SECRET}@db?sslmode=prefer", "which may be off"),
        (f"postgresql://u:{SECRET}@db?sslmode=sure", "expected one of off, require"),
        (f"postgresql://u:{SECRET}@db?sslmode=require&tls=off", "repeats a setting"),
        (f"mongodb://u:{SECRET}@db?directConnection=false", "only the named server"),
        (f"mongodb://u:{SECRET}@db?tlsInsecure=maybe", "neither true nor false"),
        (f"mysql://u:{SECRET}@db?socket=run/my.sock", "not an absolute path"),
        (f"mysql://u:{SECRET}@{'d' * 5000}", "5"),
    ],
)
def test_a_bad_url_says_what_is_wrong_and_never_shows_the_password(url: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(url)
    assert says in caught.value.message
    assert SECRET not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://u:p@127.0.0.1/", "off"),
        ("postgresql://u:p@[::1]/", "off"),
        ("mysql://localhost", "off"),
        ("mysql://localhost?tls=require", "require"),
        ("mysql://db.example", "verify-full"),
        ("mysql://db.example?tls=off", "off"),
    ],
)
def test_a_scan_needs_tls_only_where_the_connection_leaves_the_machine(url: str, mode: str) -> None:
    assert without_tls_if_local(parse(url)).tls.mode == mode


def test_an_endpoint_never_shows_its_password() -> None:
    assert SECRET not in repr(parse(f"mysql://u:{SECRET}@db"))


@pytest.mark.parametrize("name", ["server-public-key", "serverPublicKeyPath"])
def test_the_key_of_a_mysql_server_can_be_named(name: str) -> None:
    found = parse(f"mysql://u:p@db/?tls=off&{name}=/etc/key.pem").endpoint
    assert (found.server_public_key, found.tls.mode) == ("/etc/key.pem", "off")
    taken = parse("mysql://u:p@db/?tls=off&allowPublicKeyRetrieval=true").endpoint
    assert taken.allow_public_key_retrieval
    refused = parse("mysql://u:p@db/?tls=off&allowPublicKeyRetrieval=false").endpoint
    assert not refused.allow_public_key_retrieval


@pytest.mark.parametrize(
    ("url", "useless"),
    [
        ("mysql://u@db/?server-public-key=k", {"server_public_key"}),
        ("mysql://u@db/?allow-public-key-retrieval=true", {"allow_public_key_retrieval"}),
        ("mysql://u@localhost/?socket=/s&server-public-key=k", {"server_public_key"}),
        ("mysql://u@db/?tls=off&server-public-key=k", set()),
    ],
)
def test_a_key_without_effect_is_named(url: str, useless: set[str]) -> None:
    assert key_faults(parse(url).endpoint).keys() == useless
