"""What works on a MySQL or MariaDB server beside the object of a finding, and has to go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pymysql

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.grants.statements import PASSWORD, Account, Product, steps
from stt_worker.databases.port import Endpoint
from stt_worker.databases.tls import unverified
from tests.support.checks.real import encrypted, mysql_do
from tests.support.checks.remedies.holdings import Known, differences, holdings

ANY_SERVER = unverified()  # one for all: the certificates of the machine are not read each time
MONITOR = Account(user="stt_monitor", host="127.0.0.1")
SECRET = "M0nitor: at 127"
WEB = "W3b: of the shop"
# An application with a session of its own, which works through a view and a routine of a definer
# that nobody logs in as.
SHOP = [
    "CREATE DATABASE stt_shop",
    "CREATE TABLE stt_shop.orders (id INT PRIMARY KEY)",
    "INSERT INTO stt_shop.orders VALUES (1)",
    f"CREATE USER 'shop_owner'@'localhost' IDENTIFIED BY '{WEB}' ACCOUNT LOCK",
    "GRANT SELECT, EXECUTE ON stt_shop.* TO 'shop_owner'@'localhost'",
    (
        "CREATE DEFINER = 'shop_owner'@'localhost' VIEW stt_shop.shown AS"
        " SELECT id FROM stt_shop.orders"
    ),
    (
        "CREATE DEFINER = 'shop_owner'@'localhost' PROCEDURE stt_shop.paid ()"
        " SELECT COUNT(*) FROM stt_shop.orders"
    ),
    f"CREATE USER 'shop_web'@'127.0.0.1' IDENTIFIED BY '{WEB}' REQUIRE SSL",
    "GRANT SELECT ON stt_shop.shown TO 'shop_web'@'127.0.0.1'",
    "GRANT EXECUTE ON PROCEDURE stt_shop.paid TO 'shop_web'@'127.0.0.1'",
]
GONE = [
    "DROP DATABASE IF EXISTS stt_shop",
    "DROP USER IF EXISTS 'shop_owner'@'localhost', 'shop_web'@'127.0.0.1'",
    "DROP USER IF EXISTS 'stt_monitor'@'127.0.0.1'",
]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The account of the checks, and an application with an open session."""

    server: Running
    session: Any

    @property
    def where(self) -> Endpoint:
        """How the account of the checks logs in: over TLS, with the grants that it needs."""
        return replace(encrypted(self.server), user=MONITOR.user, password=SECRET)

    def sees(self, _check: str) -> Endpoint:
        """The account of the checks sees what every check asks for."""
        return self.where

    def do(self, statements: Iterable[str]) -> None:
        """Execute statements as the administrator."""
        mysql_do(self.server, statements)

    def holdings(self) -> Known:
        """Rows of the tables of rights, and the values of variables."""
        return holdings(self.server)

    def assert_restored(self, before: Known) -> None:
        """Nothing is lost and nothing is new."""
        left = differences(before, self.holdings())
        assert left == {}, left

    def work(self) -> None:
        """What the application does, in its open session and in a new one."""
        shop(self.session)
        with log_in(self.server, "shop_web", WEB) as session:
            shop(session)


def shop(session: Any) -> None:
    with session.cursor() as cursor:
        cursor.execute("SELECT id FROM stt_shop.shown")
        assert cursor.fetchall() == ((1,),)
        cursor.execute("CALL stt_shop.paid()")
        assert cursor.fetchall() == ((1,),)


def log_in(server: Running, user: str, password: str, *, tls: bool = True) -> Any:
    """A session over the network; raises OperationalError if the server refuses it."""
    options: dict[str, Any] = {"ssl": ANY_SERVER} if tls else {"ssl_disabled": True}
    return pymysql.connect(
        host="127.0.0.1", port=server.port, user=user, password=password, autocommit=True, **options
    )


def monitoring(server: Running, account: Account = MONITOR) -> list[str]:
    """The statements of stt grants for the account."""
    product = Product.MARIADB if server.name == "mariadb" else Product.MYSQL
    checks = list(builtin().checks.values())
    lines = [line for step in steps(product, checks, account) for line in step.statements]
    return [line.replace(PASSWORD, SECRET) for line in lines]


@contextmanager
def in_use(server: Running) -> Iterator[Surroundings]:
    """The server with an application and the account of the checks, for the length of a block."""
    mysql_do(server, [*GONE, *SHOP, *monitoring(server)])
    session = log_in(server, "shop_web", WEB)
    try:
        yield Surroundings(server=server, session=session)
    finally:
        session.close()
        mysql_do(server, GONE)
