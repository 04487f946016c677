"""The address of the page belongs to one coordinator from the moment that it has it."""

from __future__ import annotations

from contextlib import closing

import pytest

from stt_coordinator.web.serve import bound
from stt_shared.errors import ConfigError


def test_of_two_that_start_at_once_the_second_learns_that_the_address_is_in_use() -> None:
    with closing(bound("127.0.0.1:0")) as first:
        listen = f"127.0.0.1:{first.getsockname()[1]}"
        with pytest.raises(ConfigError, match="Address already in use"):
            bound(listen)
