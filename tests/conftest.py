"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(autouse=True)
def _log_anew() -> Iterator[None]:
    """A command run within a test logs to a stream that ends with the test."""
    yield
    structlog.reset_defaults()
