"""The alerting rules for Prometheus that the product ships."""

from __future__ import annotations

from importlib.resources import files

FILE = "rules.yml"


def text() -> str:
    """The rules file as Prometheus reads it."""
    return (files("stt_coordinator.alerts") / FILE).read_text(encoding="utf-8")
