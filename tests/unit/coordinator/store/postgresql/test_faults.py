"""Which texts of libpq and the server end a coordinator, and which ones mean wait."""

from __future__ import annotations

import psycopg
import pytest

from stt_coordinator.store.postgresql.address import address_of
from stt_coordinator.store.postgresql.faults import refusal

ADDRESS = address_of("postgresql://stt@db/stt", "stt")


@pytest.mark.parametrize(
    "text",
    [
        'FATAL:  password authentication failed for user "stt"',
        'FATAL:  Peer authentication failed for user "stt"',
        'FATAL:  Ident authentication failed for user "stt"',
        'FATAL:  certificate authentication failed for user "stt"',
        "SSL error: wrong version number",
    ],
)
def test_what_only_a_person_can_correct_is_refused(text: str) -> None:
    refused = refusal(ADDRESS, psycopg.OperationalError(text))
    assert refused is not None
    assert refused.hint


@pytest.mark.parametrize(
    "text",
    [
        'FATAL:  LDAP authentication failed for user "stt"',
        'FATAL:  PAM authentication failed for user "stt"',
        'FATAL:  RADIUS authentication failed for user "stt"',
        "SSL error: unexpected eof while reading",
        "SSL SYSCALL error: EOF detected",
    ],
)
def test_what_may_pass_by_itself_is_waited_for(text: str) -> None:
    assert refusal(ADDRESS, psycopg.OperationalError(text)) is None
