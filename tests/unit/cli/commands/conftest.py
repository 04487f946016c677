"""What the tests of the commands ask for."""

from __future__ import annotations

import pytest

from stt_shared.command import output


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)
