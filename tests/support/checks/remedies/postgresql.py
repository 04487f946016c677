"""What works on a PostgreSQL server beside the object of a finding, and has to go on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from stt_coordinator.local.servers import postgresql as embedded
from stt_coordinator.local.servers.process import Running, own_directory, run_once
from stt_shared import clock
from stt_shared.checkfile.catalogue import builtin
from stt_shared.grants.statements import PASSWORD, Account, Product, steps
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint
from tests.support.checks.real import endpoint, postgresql_do

MONITOR = Account(user="stt_monitor")
SECRET = "M0nitor: at 127"
WEB = "W3b: of the shop"
HIDDEN = "postgresql_fdw_passwords"  # what the account of the checks may not see
SETTLES_S = 20.0
POLL_S = 0.05
# An application with a session of its own, which works through a view and a routine of a definer
# that nobody logs in as.
SHOP = [
    "CREATE ROLE shop_owner",
    "CREATE SCHEMA stt_shop AUTHORIZATION shop_owner",
    "SET ROLE shop_owner",
    "CREATE TABLE stt_shop.orders (id int PRIMARY KEY)",
    "INSERT INTO stt_shop.orders VALUES (1)",
    "CREATE VIEW stt_shop.shown AS SELECT id FROM stt_shop.orders",
    (
        "CREATE FUNCTION stt_shop.paid() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
        " SET search_path = stt_shop, pg_temp AS 'SELECT count(*) FROM orders'"
    ),
    "RESET ROLE",
    f"CREATE ROLE shop_web LOGIN PASSWORD '{WEB}' VALID UNTIL '2027-06-01'",
    "GRANT USAGE ON SCHEMA stt_shop TO shop_web",
    "GRANT SELECT ON stt_shop.shown TO shop_web",
    f"CREATE ROLE shop_stream LOGIN REPLICATION PASSWORD '{WEB}'",
]
GONE = [
    "DROP SCHEMA IF EXISTS stt_shop, stt CASCADE",
    "DROP OWNED BY stt_monitor",
    "DROP ROLE shop_owner, shop_web, shop_stream, stt_monitor",
]
# What a server knows of roles, rights and settings. Rights are compared one by one: the order of
# a list of them changes when one is given back. Without a last day, and until infinity, is one.
KNOWN = """
SELECT 'role', to_jsonb(r) - '{oid,rolpassword,rolvaliduntil}'::text[]
  || jsonb_build_object('until', COALESCE(rolvaliduntil, 'infinity')) FROM pg_authid r
UNION ALL SELECT 'member', to_jsonb(m) - 'oid' FROM pg_auth_members m
UNION ALL SELECT 'value', to_jsonb(s) FROM pg_db_role_setting s
UNION ALL SELECT 'setting', jsonb_build_object(name, setting) FROM pg_settings
  WHERE context <> 'internal' AND name NOT LIKE 'transaction_%'
UNION ALL SELECT 'routine', jsonb_build_object(oid::regprocedure, proconfig) FROM pg_proc
  WHERE prosecdef
UNION ALL SELECT 'language', jsonb_build_object(lanname, lanpltrusted) FROM pg_language
UNION ALL SELECT 'extension', jsonb_build_object(extname, extversion) FROM pg_extension
UNION ALL SELECT 'schema', jsonb_build_object(n.nspname, to_jsonb(a))
  FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee <> n.nspowner
UNION ALL SELECT 'table', jsonb_build_object(c.relname, to_jsonb(a))
  FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee <> c.relowner
UNION ALL SELECT 'column', jsonb_build_object(t.attname, to_jsonb(a))
  FROM pg_attribute t, aclexplode(t.attacl) a
"""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The account of the checks, an application with an open session, and a standby."""

    server: Running
    session: Any

    @property
    def where(self) -> Endpoint:
        """How the account of the checks logs in, with the grants that it needs."""
        boss = endpoint(self.server, Family.POSTGRESQL)
        return replace(boss, user=MONITOR.user, password=SECRET)

    def sees(self, check: str) -> Endpoint:
        """The account of the checks, or the administrator for what is hidden from it."""
        return endpoint(self.server, Family.POSTGRESQL) if check == HIDDEN else self.where

    def do(self, statements: Iterable[str]) -> None:
        """Execute statements as the administrator."""
        postgresql_do(self.server, statements)

    def holdings(self) -> set[str]:
        """Roles, rights and settings, each as a text."""
        return holdings(self.server)

    def assert_restored(self, before: set[str]) -> None:
        """Nothing is lost and nothing is new; who asks for a reload does not wait for it."""
        deadline = clock.monotonic() + SETTLES_S
        while (after := self.holdings()) != before:
            assert clock.monotonic() < deadline, {"lost": before - after, "new": after - before}
            time.sleep(POLL_S)

    def work(self) -> None:
        """What the application does, in its open session and in a new one; the standby follows."""
        shop(self.session)
        with log_in(self.server, "shop_web", WEB) as session:
            shop(session)
        streams = asked(self.server, "SELECT state FROM pg_stat_replication")
        assert streams == [("streaming",)], streams


def holdings(server: Running) -> set[str]:
    """Roles, rights and settings, each as a text."""
    return {repr(row) for row in asked(server, KNOWN)}


def shop(session: Any) -> None:
    assert session.execute("SELECT id FROM stt_shop.shown").fetchall() == [(1,)]
    assert session.execute("SELECT stt_shop.paid()").fetchall() == [(1,)]


def log_in(server: Running, user: str, password: str) -> psycopg.Connection[Any]:
    """A session over the network; raises OperationalError if the server refuses it."""
    return psycopg.connect(
        host="127.0.0.1",
        port=server.port,
        user=user,
        password=password,
        dbname="postgres",
        autocommit=True,
    )


def asked(server: Running, query: str) -> list[Any]:
    """The rows that the administrator gets."""
    with log_in(server, server.user, server.password) as session:
        return session.execute(query.encode()).fetchall()


@contextmanager
def in_use(server: Running, folder: Path) -> Iterator[Surroundings]:
    """The server with an application, the account of the checks and a standby, for a block."""
    made = steps(Product.POSTGRESQL, builtin().checks.values(), MONITOR)
    grants = [line.replace(PASSWORD, SECRET) for step in made for line in step.statements]
    postgresql_do(server, [*SHOP, *grants])
    session = log_in(server, "shop_web", WEB)
    try:
        with standby_of(server, folder):
            yield Surroundings(server=server, session=session)
    finally:
        session.close()
        postgresql_do(server, GONE)


@contextmanager
def standby_of(server: Running, folder: Path) -> Iterator[Running]:
    """A standby that follows the server, as pg_basebackup sets it up."""
    assert server.binary is not None
    binaries = server.binary.parent
    own_directory(folder, server.owner)
    primary = psycopg.conninfo.make_conninfo(
        host="127.0.0.1", port=server.port, user="shop_stream", password=WEB
    )
    words = ["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D", str(folder / "data")]
    run_once(
        [str(binaries / "pg_basebackup"), *words, "-d", primary],
        owner=server.owner,
    )
    running = embedded.start(folder, password=server.password, binaries=binaries)
    deadline = clock.monotonic() + SETTLES_S
    while asked(server, "SELECT state FROM pg_stat_replication") != [("streaming",)]:
        assert clock.monotonic() < deadline, running.tail()
        time.sleep(POLL_S)
    try:
        yield running
    finally:
        running.stop()
