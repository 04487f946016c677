"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import structlog

# Coordinators of tests would fight for the one address of the page.
os.environ.setdefault("STT_WEB_LISTEN", "")

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(autouse=True)
def _log_anew() -> Iterator[None]:
    """A command run within a test logs to a stream that ends with the test."""
    yield
    structlog.reset_defaults()
