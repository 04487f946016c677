"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from threading import Thread

import aiosqlite
import pytest
import structlog
from hypothesis import settings

# Coordinators of tests would fight for the one address of the page.
os.environ.setdefault("STT_WEB_LISTEN", "")

# Started in the background the tests would hand on that Ctrl-C is to be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A store that a failed test left open has a thread that waits for ever: the run would not end.
vars(aiosqlite.core)["Thread"] = partial(Thread, daemon=True)

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = ["tests.servers.as_it_was", "tests.servers.fixtures", "tests.servers.stores"]


@pytest.fixture(autouse=True)
def _log_anew() -> Iterator[None]:
    """A command run within a test logs to a stream that ends with the test."""
    yield
    structlog.reset_defaults()
