"""The texts of docs/messages.md are all that people read, and nothing for machines."""

from __future__ import annotations

from pathlib import Path

from tools.house import Source
from tools.pages import messages

MODULE = """
'''A docstring is not a message.'''

GREETING = "nothing was checked"
QUERY = "SELECT name FROM targets"


class Level(StrEnum):
    OK = "ok"


def run(name):
    raise UsageError(f"{name} already exists", hint="choose another name")
"""


def test_errors_hints_texts_and_closed_sets_are_found_and_nothing_else() -> None:
    source = Source(Path("x.py"), "x", MODULE)
    assert [(one.use, one.text) for one in messages.messages(source)] == [
        ("text", "nothing was checked"),
        ("value", "Level: ok"),
        ("error", "{name} already exists"),
        ("hint", "choose another name"),
    ]


def test_cells_of_a_template_stand_apart_and_its_values_in_braces() -> None:
    html = """<table><tr><th>severity</th><th>in <b>days</b></th></tr></table>
{% call panel("Failed checks") %}<p title="Shown on hover">{{ n }} open</p>{% endcall %}
<script>var hidden = "not a text";</script>"""
    assert [one.text for one in messages.template(html)] == [
        "Failed checks",
        "Shown on hover",
        "severity | in days",
        "{n} open",
    ]
