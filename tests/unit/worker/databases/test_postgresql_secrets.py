"""No password that PostgreSQL answers with reaches a script, in whatever text it stands."""

from __future__ import annotations

import msgspec
import pytest

from stt_worker.databases.postgresql.secrets import (
    is_suspect,
    text_without_passwords,
    without_passwords,
)

SECRET = "hunter2"
TEXTS = [
    "host=h password=hunter2 port=1",
    "host=h password='hunter2 with \\' more' port=1",
    "host=h password = hunter2",
    "user=u sslpassword=hunter2",
    "postgresql://user:hunter2@host/db",
    "postgres://user:hunter2/x@host/db?password=hunter2&port=1",
    "ldapbindpasswd=hunter2",
    'ldapbindpasswd="hunter2"',
    "radiussecrets=hunter2,hunter2",
    '{"password": "hunter2"}',
    "aws_secret_access_key=hunter2",
    "token=hunter2",
]
MESSAGES = [
    'could not parse RADIUS secret list "hunter2 "quoted" hunter2"',
    "authentication option not in name=value format: hunter2",
    'unrecognized authentication option name: "hunter2"',
    "konnte RADIUS-Geheimnisliste »hunter2« nicht parsen",
    "Authentifizierungsoption nicht im Format Name=Wert: hunter2",
    "\u8a8d\u8a3c\u30aa\u30d7\u30b7\u30e7\u30f3\uff1ahunter2",
]
HARMLESS = [
    "password_encryption=md5",
    "password_required=false",
    'app."change password"(app."Mood s")',
    "REVOKE EXECUTE ON FUNCTION app.set_password(text) FROM PUBLIC",
    "passwordcheck, auth_delay",
    "https://example.org:5432/path",
    "SCRAM-SHA-256",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_password_in_a_text_is_hidden(text: str) -> None:
    row = {"value": text, "items": ["ssl=on", text], "deep": {"a": [{"b": text}]}}
    assert is_suspect(msgspec.json.encode(row))
    assert SECRET not in repr(without_passwords(row))


@pytest.mark.parametrize("text", MESSAGES)
@pytest.mark.parametrize("column", ["error", "fault"])
def test_a_message_repeats_nothing_that_could_be_one(text: str, column: str) -> None:
    row = {column: text}
    assert is_suspect(msgspec.json.encode(row))
    assert SECRET not in repr(without_passwords(row))


@pytest.mark.parametrize("text", HARMLESS)
def test_a_text_about_passwords_stays_as_it_is(text: str) -> None:
    assert text_without_passwords(text) == text
    assert without_passwords({"items": [text]}) == {"items": [text]}


def test_an_item_of_a_list_is_hidden_to_its_end() -> None:
    row = {"options": ["ldapbindpasswd=hunter2 and 'hunter2'\nhunter2", "ldapserver=l"]}
    assert without_passwords(row) == {"options": ["ldapbindpasswd=****", "ldapserver=l"]}


def test_a_message_without_an_option_keeps_its_words() -> None:
    text = 'invalid connection type "hostx"'
    assert without_passwords({"error": text}) == {"error": text}
    assert without_passwords({"fault": None}) == {"fault": None}


def test_the_command_that_knows_a_pass_phrase_is_hidden() -> None:
    row = {"name": "ssl_passphrase_command", "setting": "echo hunter2"}
    assert SECRET not in repr(without_passwords(row))
