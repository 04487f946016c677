"""The JSON Schema of the configuration file says what the code checks."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from stt_shared.settings import SETTINGS
from tools.pages import config_schema

SCHEMA = json.loads(config_schema.PATH.read_text(encoding="utf-8"))
GOOD = """
[worker]
site = "eu"
concurrency = 4
[alerts]
mail_to = ["dba@example.com"]
[[targets]]
id = "billing"
family = "mysql"
host = "db"
port = 3306
labels = { team = "payments" }
"""


def faults(text: str) -> list[str]:
    found = Draft202012Validator(SCHEMA).iter_errors(tomllib.loads(text))
    return [error.json_path for error in found]


def test_a_good_file_has_no_fault() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[worker]\nconcurrency = 0", "$.worker.concurrency"),
        ("[worker]\nconcurency = 1", "$.worker"),
        ('[log]\nlevel = "loud"', "$.log.level"),
        ('[[targets]]\nhost = "db"', "$.targets[0]"),
        ('[[targets]]\nid = "a"\nport = 70000', "$.targets[0].port"),
        ("[wroker]\nsite = 1", "$"),
    ],
)
def test_a_fault_is_found_at_its_place(text: str, place: str) -> None:
    assert place in faults(text)


def test_every_setting_and_its_limits_are_in_the_schema() -> None:
    for name, one in SETTINGS.items():
        table = SCHEMA["properties"][one.section]["properties"]
        assert table[one.key]["description"] == one.text, name
        assert table[one.key].get("minimum") == one.meta.ge, name
        assert table[one.key].get("maximum") == one.meta.le, name


def test_the_settings_page_tells_where_the_schema_is() -> None:
    page = Path(config_schema.PATH).with_name("settings.md").read_text(encoding="utf-8")
    assert config_schema.PATH.name in page
