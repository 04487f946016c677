"""Log lines are one JSON object each and never carry a secret."""

from __future__ import annotations

import io
import json

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
