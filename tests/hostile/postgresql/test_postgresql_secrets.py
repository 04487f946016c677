"""Passwords of a server's own files reach no finding, whatever the server does with text."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.hostile.postgresql.postgresql_tenant import do, least_account
from tests.support.checks.hba import rules
from tests.support.checks.real import CheckRunner, endpoint, open_check_runner

SECRET = "hush-1 hush-2"
RULES = [
    'host all all 10.0.0.0/8 ldap ldapserver=l ldapbindpasswd="{}" ldapbasedn=dc=x ldapbinddn=cn=y',
    'host all all 10.0.0.0/8 radius radiusservers=192.0.2.1 radiussecrets="""{}"""',
    'host all all 10.0.0.0/8 radius radiusservers=192.0.2.1 radiussecrets="{}"',
    'host all all 10.0.0.0/8 ldap ldapserver=l "{}"',
    'host all all 10.0.0.0/8 ldap ldapserver=l "{}=x"',
]
BENDS = ["SELECT 1", "ALTER ROLE {} SET standard_conforming_strings = off"]


@pytest.fixture
async def runner() -> AsyncIterator[CheckRunner]:
    async with open_check_runner() as one:
        yield one


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bend", BENDS)
async def test_no_secret_of_pg_hba_conf_is_shown(
    runner: CheckRunner, postgresql15: Running, rule: str, bend: str
) -> None:
    admin = endpoint(postgresql15, Family.POSTGRESQL)
    with rules(postgresql15, [rule.format(SECRET)]), least_account(postgresql15) as least:
        for where in (admin, least):
            do(postgresql15, [bend.format(where.user)])
            outcomes = await runner.run_all(where)
            do(postgresql15, [f"ALTER ROLE {where.user} RESET standard_conforming_strings"])
            assert "hush" not in repr(outcomes)
            evaluated = outcomes["postgresql_hba_cleartext"], outcomes["postgresql_hba_errors"]
            assert any(one.findings for one in evaluated)
            assert "****" in repr(evaluated) or "the line cannot be read" in repr(evaluated)
