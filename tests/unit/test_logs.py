"""Log lines are one JSON object each and never carry a secret."""

from __future__ import annotations

import io
import json

import pytest

from stt_shared.telemetry import logs


def test_a_line_is_one_json_object_with_its_context_and_without_secrets() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logs.logger("worker", worker="w1").info("connected", target="a", password="hunter2")
    logs.logger("worker").debug("too fine")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    line = json.loads(lines[0])
    assert (line["event"], line["level"], line["part"]) == ("connected", "info", "worker")
    assert (line["worker"], line["target"], line["password"]) == ("w1", "a", "****")
    assert line["ts"].endswith("Z")


def test_words_for_people_hold_no_secret_either() -> None:
    stream = io.StringIO()
    logs.configure("debug", "console", stream)
    logs.logger("x").warning("refused", secret="hunter2")
    assert "refused" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def connect(password: str) -> None:
    raise ValueError(len(password))


@pytest.mark.parametrize("layout", ["json", "console"])
def test_a_trace_shows_no_local_variables(layout: str) -> None:
    stream = io.StringIO()
    logs.configure("info", layout, stream)
    secret = str(len("hunter")) + "-hidden"
    try:
        connect(secret)
    except ValueError:
        logs.logger("x").exception("broke")
    assert "ValueError" in stream.getvalue()
    assert secret not in stream.getvalue()
