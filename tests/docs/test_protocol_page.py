"""The page of the protocol says what the code does."""

from __future__ import annotations

from pathlib import Path

from stt_shared.protocol import subjects
from stt_shared.protocol.control import Verb
from tools.pages import protocol as page

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"


def test_every_verb_is_on_the_page() -> None:
    assert set(page.VERBS) == set(Verb)


def test_every_subject_of_a_stream_is_on_the_page() -> None:
    shown = [subject.split("<")[0].rstrip(".>") for subject, _, _ in page.SUBJECTS]
    for stream in subjects.STREAMS:
        for subject in stream.subjects:
            if not subject.startswith("$KV."):
                # One row for the fences of all streams.
                root = subject.removesuffix(f".{stream.name}.>").rstrip(".>")
                assert any(one.startswith(root) for one in shown), subject
