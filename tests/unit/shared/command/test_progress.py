"""Progress is for people: on stderr, a bar on a terminal, few lines elsewhere."""

from __future__ import annotations

import sys
from io import StringIO

import pytest

from stt_shared.command import progress
from tests.support.cli import samples


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_a_line_comes_every_ten_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 3.0, 11.0, 11.0, 15.0, 22.0, 22.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    with progress.of_run("run r1") as report:
        for done in range(4):
            report(samples.run(done=done))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "run r1: 1 of 4 databases done",
        "run r1: 3 of 4 databases done",
    ]


def test_a_bar_is_drawn_on_a_terminal_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress.of_run("run r1") as report:
        report(samples.run(done=2))
    assert "run r1" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")
