"""`stt config show` shows every setting and no password."""

from __future__ import annotations

import pytest

from stt_cli.commands.config import value_of
from stt_shared.settings import Settings
from stt_shared.settings.sections import NatsSettings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://ann:s3cret@h:1", "nats://****@h:1"),
        ("ann:s3cret@h:1", "****@h:1"),
        ("ann:s3cret@h:1,bob:x@g:2", "****@h:1,****@g:2"),
        ("h:1,nats://g:2", "h:1,nats://g:2"),
    ],
)
def test_the_login_of_an_address_of_nats_is_hidden_with_and_without_a_scheme(
    url: str, shown: str
) -> None:
    assert value_of(Settings(nats=NatsSettings(url=url)), "nats.url") == shown
