"""Log events are closed sets of names, each documented with what happened."""

from __future__ import annotations

import pytest

from stt_shared.telemetry.log_events import EVENT_NAME
from tools.log_events import SECTIONS, calls


@pytest.mark.parametrize("title", SECTIONS)
def test_every_line_has_a_listed_event_and_every_listed_event_a_line(title: str) -> None:
    root, events = SECTIONS[title]
    found = calls(root)
    assert [one.place for one in found if one.event not in events] == []
    assert set(events) - {one.event for one in found} == set()


@pytest.mark.parametrize("title", SECTIONS)
def test_every_event_is_a_noun_and_a_verb_and_says_what_happened(title: str) -> None:
    _, events = SECTIONS[title]
    assert [name for name in events if EVENT_NAME.fullmatch(name) is None] == []
    assert [name for name, meaning in events.items() if not meaning] == []
