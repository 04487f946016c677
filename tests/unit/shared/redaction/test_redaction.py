"""A planted secret never leaves, whatever it stands in; what says something about one stays."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stt_shared.redaction import HIDDEN, hide_addresses, hide_text, hide_value, is_secret_name
from stt_shared.redaction.values import MAX_DEPTH
from stt_worker.execution import sanitize

SECRETS = [
    *("passwords", "certificateKeyFilePassword", "user_password", "api-key", "apiToken"),
    *("secretKey", "bindpw", "ldapbindpasswd", "sslpassword", "private_key", "passphrase"),
    *("connection_string", "PASSWORD", "PGPASSWORD", "MYSQL_PWD", "radiussecrets", "rolpassword"),
    *("net.tls.certificateKeyFilePassword", "x-api-key", "authentication_string", "pass phrase"),
    *("ssl_passphrase_command", "storedKey", "client.secret", "password_hash", "Password 2"),
    *(
        "ldap_bind_root_pwd",
        "APIKey",
        "primary_conninfo",
        "Priv",
        "db_pass",
        "aws_secret_access_key",
    ),
]
REMARKS: list[tuple[str, object]] = [
    *(("password_lifetime", 90), ("password_encryption", "md5"), ("has_password", True)),
    *(("require_password", "yes"), ("validate_password.policy", "LOW"), ("passwords", 12)),
    *(("password_expired", "N"), ("default_password_lifetime", "360"), ("password", "")),
    *(("password", None), ("passwords", []), ("no_password", 1), ("password_history", "5")),
    *(("authorization", "disabled"), ("key_file", "/etc/key"), ("old_passwords", "0")),
    *(("validate_password", {"policy": "MEDIUM"}), ("primary_key", "id"), ("token_count", 4_000)),
    *(("ssl_key", "server.key"), ("bypass", "yes sir"), ("secure_file_priv", "/var/lib")),
]
characters = st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_categories=("Cs", "Cc"))
planted = st.text(characters, min_size=8, max_size=20).map(lambda text: f"Zq{text}9x")
words = st.sampled_from(SECRETS)


def styled(words_of_name: str, style: int) -> str:
    parts = words_of_name.split("_")
    styles = ["_".join(parts), "-".join(parts), ".".join(parts), " ".join(parts).title()]
    styles += [parts[0] + "".join(part.title() for part in parts[1:]), "_".join(parts).upper()]
    return styles[style % len(styles)]


def nested(value: Any, shape: list[int]) -> Any:
    for kind in shape:
        wrapped: list[Any] = [
            {"a": value},
            [value],
            (1, value),
            {"b": [value, "c"]},
            {"d": (value,)},
        ]
        value = wrapped[kind]
    return value


def holds(found: Any, secret: str) -> bool:
    shown = json.dumps(found, ensure_ascii=False, default=str)
    return secret in shown or json.dumps(secret, ensure_ascii=False)[1:-1] in shown


@pytest.mark.parametrize("name", SECRETS)
def test_a_name_of_a_secret_is_known_in_every_way_of_joining_words(name: str) -> None:
    assert is_secret_name(name)
    for style in range(6):
        joined = styled("current_user_password", style)
        assert is_secret_name(joined), joined


@pytest.mark.parametrize(("name", "value"), REMARKS)
def test_what_says_something_about_a_secret_stays(name: str, value: object) -> None:
    assert hide_value({name: value}) == {name: value}


@given(words, planted, st.lists(st.integers(0, 4), max_size=14))
def test_a_secret_under_its_name_never_leaves_whatever_the_nesting(
    name: str, secret: str, shape: list[int]
) -> None:
    assert not holds(sanitize.plain(nested({name: secret}, shape)), secret)
    assert not holds(sanitize.plain(nested({name: nested(secret, shape)}, shape)), secret)
    assert not holds(sanitize.plain(nested({"name": name, "setting": secret}, shape)), secret)
    assert not holds(
        sanitize.plain(nested({"Variable_name": name, "Value": secret}, shape)), secret
    )


@given(planted, st.lists(st.integers(0, 4), min_size=MAX_DEPTH + 1, max_size=20))
def test_what_is_nested_too_deeply_is_cut(secret: str, shape: list[int]) -> None:
    assert not holds(sanitize.plain(nested(secret, shape)), secret)


STATEMENTS = [
    "host=10.1.1.1 password={} user=rep",
    "CREATE USER 'a'@'%' IDENTIFIED BY {q} REQUIRE SSL",
    "alter user a identified with caching_sha2_password by {q}",
    "IDENTIFIED VIA ed25519 USING PASSWORD({q})",
    "IDENTIFIED VIA ed25519 USING {q} OR unix_socket",
    "IDENTIFIED BY {q} REPLACE {q}",
    "SET PASSWORD FOR 'a'@'b' = {q}",
    "CREATE ROLE a LOGIN PASSWORD {q} VALID UNTIL 'infinity'",
    "ALTER ROLE a ENCRYPTED PASSWORD E{q}",
    "CHANGE MASTER TO MASTER_USER='r', MASTER_PASSWORD={q}, MASTER_SSL=1",
    "host all all 10.0.0.0/8 ldap ldapserver=a ldapbindpasswd={d} ldapport=1",
    "host all all 10.0.0.0/8 radius radiusservers=a radiussecrets={d}",
    "primary_conninfo = 'host=a password={} sslmode=prefer'",
    '{{"user": "a", "pwd": {d}}}',
    "db.createUser({{user: 'a', pwd: {q}}})",
    "PGPASSWORD={} pg_dump",
    "pg_dump --password {} -h a",
    "restore --db-password={} -h a",
    "password: {}",
    "a:\n  bindPassword: {}\nb: 1",
    "Authorization: Bearer aaaaaaaaaaa{}",
]


@given(st.sampled_from(STATEMENTS), st.from_regex(r"Zq[A-Za-z0-9%+/_]{8,20}", fullmatch=True))
def test_a_secret_inside_a_text_never_leaves(statement: str, secret: str) -> None:
    text = statement.format(secret, q=f"'{secret}'", d=f'"{secret}"')
    assert secret not in hide_text(text), text
    assert secret not in sanitize.text(f"before {text}, after")


QUOTED = [one for one in STATEMENTS if "{q}" in one]


@given(st.sampled_from(QUOTED), planted)
def test_a_quoted_secret_may_hold_any_character(statement: str, secret: str) -> None:
    assume(secret[2:-2] not in statement)  # the word password may be drawn as a secret
    text = statement.format(q="'" + secret.replace("\\", "\\\\").replace("'", "''") + "'")
    assert secret[2:-2] not in hide_text(text), text


HASHES = [
    "md5deadbeefdeadbeefdeadbeefdeadbeef",
    "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
    "SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy",
    "$A$005$\x11\x7f'\"  salt of bytes abcdefghijklmnopqrstuvwxyzABCDEFGHIJ.",
    "$2y$10$abcdefghijklmnopqrstuv",
    "$6$saltsalt$abcdefghijklmnopqrstuvwxyz",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKC\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIEpAIBAAKC, and then it was cut",
    "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
]


@pytest.mark.parametrize("secret", HASHES)
def test_a_hash_or_key_is_known_by_its_shape(secret: str) -> None:
    for text in (secret, f"the role a has {secret}; set it again", f"x='{secret}'"):
        for part in secret.split("\n"):
            if "-----" not in part:
                assert part not in hide_text(text), text


ADDRESSES = ["nats", "tls", "ws", "wss", "http", "https", "smtp", "amqp", "mysql", "postgres"]


@given(st.sampled_from([*ADDRESSES, "postgresql", "mongodb+srv", "redis"]), planted)
def test_no_address_keeps_its_password(scheme: str, secret: str) -> None:
    encoded = quote(secret, safe="")
    for host in ("db.example:1", "[::1]:4222", "10.0.0.1", "a:1,b:2"):
        one = f"{scheme}://user:{encoded}@{host}/x?y=1"
        for text in (one, f"cannot reach {one} (refused)", f"{one},{one}", f"{one}, {one}"):
            found = hide_addresses(text)
            assert encoded not in found
            assert host.partition(",")[0] in found
    # What ends a text of JSON ends an address too.
    loose = re.sub(r'"(?=[,:}\]])', "", secret)
    found = hide_addresses(f"cannot use {scheme}://user:{loose}@db.example")
    assert loose[2:-2] not in found
    assert "db.example" in found


def test_an_address_that_was_taken_for_a_path_is_one_still() -> None:
    found = hide_addresses("no file postgresql:/stt:Zq1%40x@127.0.0.1:9/.json can be written")
    assert found == f"no file postgresql:/{HIDDEN}@127.0.0.1:9/.json can be written"
    assert hide_addresses("see /etc/a:/x@y") == "see /etc/a:/x@y"


def test_json_stays_json() -> None:
    text = json.dumps(
        {"a": "see nats://h:1", "b": "x@y", "c": "https://d", "d": ["nats://u:Zq1@h", "'a'@'%'"]},
        separators=(",", ":"),
    )
    found = json.loads(hide_addresses(text))
    assert found == json.loads(text) | {"d": [f"nats://{HIDDEN}@h", "'a'@'%'"]}


@given(st.from_regex(r"Zq[A-Za-z0-9]{8,20}", fullmatch=True))
def test_a_token_alone_is_a_secret_and_the_user_of_a_database_is_none(secret: str) -> None:
    assert secret not in hide_addresses(f"nats://{secret}@host, tls://{secret}@h")
    assert hide_addresses("postgresql://stt@db/app") == "postgresql://stt@db/app"
    assert hide_addresses(f"https://a.example/@{secret}") == f"https://a.example/@{secret}"


def test_a_reference_to_a_program_keeps_the_program_alone() -> None:
    assert hide_addresses("password = exec:/opt/vault read x --token y") == (
        f"password = exec:/opt/vault {HIDDEN}"
    )
    assert hide_addresses("exec:/opt/vault\tread") == f"exec:/opt/vault {HIDDEN}"
    shown = "cannot read the secret exec:/opt/vault (it ended with status 3)"
    assert hide_addresses(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "CREATE ROLE stt LOGIN PASSWORD '<password>' CONNECTION LIMIT 5",
        "ALTER USER 'app'@'%' IDENTIFIED WITH caching_sha2_password BY RANDOM PASSWORD",
        "SET PERSIST password_history = 5",
        "ALTER SYSTEM SET password_encryption = 'scram-sha-256'",
        "ALTER ROLE a PASSWORD NULL",
        "set it again: ALTER ROLE ... PASSWORD 'md5...'",
        "Set the password: it was never changed, and is shared.",
        "[mysqld]\nsecure_file_priv = /var/lib/mysql-files",
        "SELECT format('ALTER SYSTEM SET primary_conninfo = %L', current_setting('x'))",
        "password_encryption=md5, has_password=true, validate_password.policy=LOW",
    ],
)
def test_advice_and_settings_stay_as_they_are(text: str) -> None:
    assert hide_text(text) == text


@given(planted, words)
def test_hiding_twice_is_hiding_once(secret: str, name: str) -> None:
    once = hide_value({name: secret, "text": f"{name}='{secret}'"})
    assert hide_value(once) == once
