"""A host that no resolver could be asked for is a fault of configuration in all families alike."""

from __future__ import annotations

import pytest

from stt_shared.protocol.enums import Family, Kind
from stt_worker.databases.mongodb.driver import MongodbDatabase
from stt_worker.databases.mysql.driver import MysqlDatabase
from stt_worker.databases.port import Database, Endpoint, InspectionError, Limits
from stt_worker.databases.postgresql.driver import PostgresqlDatabase

DRIVERS: dict[Family, type[Database]] = {
    Family.MYSQL: MysqlDatabase,
    Family.POSTGRESQL: PostgresqlDatabase,
    Family.MONGODB: MongodbDatabase,
}
HOSTS = ["a..b", "", "a,b", "a b", "x" * 64, "ab." * 90 + "c", "ü" * 60, "/run/sock", "a:b", "\x00"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("family", list(Family))
async def test_a_host_that_dns_cannot_carry_is_of_kind_config_in_every_family(
    family: Family, host: str
) -> None:
    driver = DRIVERS[family]()
    endpoint = Endpoint(family=family, host=host, port=1, user="stt", password="x")
    try:
        with pytest.raises(InspectionError) as caught:
            await driver.inspect(endpoint, lambda _facts: [], Limits(connect_s=2))
    finally:
        await driver.close()
    assert caught.value.kind is Kind.CONFIG
    assert "cannot be used" in caught.value.reason
