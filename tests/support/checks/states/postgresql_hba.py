"""TLS settings of PostgreSQL that a running server takes over."""

from __future__ import annotations

from tests.support.checks.scenario import State

RELOAD = "SELECT pg_reload_conf()"
STATES = [
    State(
        check="postgresql_tls_min_version",
        name="an_old_version_is_accepted",
        on=["postgresql15"],
        make=["ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.1'", RELOAD],
        undo=["ALTER SYSTEM RESET ssl_min_protocol_version", RELOAD],
        finds={"ssl_min_protocol_version": "major"},
    ),
    State(
        check="postgresql_tls_min_version",
        name="the_oldest_version_is_accepted",
        on=["postgresql15"],
        make=["ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'", RELOAD],
        undo=["ALTER SYSTEM RESET ssl_min_protocol_version", RELOAD],
        finds={"ssl_min_protocol_version": "major"},
    ),
    State(
        check="postgresql_tls_ciphers",
        name="the_default_of_15_allows_medium_ones",
        on=["postgresql15"],
        make=[],
        undo=["ALTER SYSTEM RESET ssl_ciphers", RELOAD],
        finds={"ssl_ciphers": "trivial"},
    ),
    State(
        check="postgresql_tls_ciphers",
        name="anonymous_ones_are_allowed",
        on=["postgresql15"],
        make=["ALTER SYSTEM SET ssl_ciphers = 'ALL:!MEDIUM:!LOW'", RELOAD],
        undo=["ALTER SYSTEM RESET ssl_ciphers", RELOAD],
        finds={"ssl_ciphers": "trivial"},
    ),
]
