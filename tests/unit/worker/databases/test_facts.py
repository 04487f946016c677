"""The facts of servers, from the answers of real and managed servers and look-alikes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.databases.children import remote
from stt_worker.databases.mongodb import facts as mongodb_facts
from stt_worker.databases.mysql import facts as mysql_facts
from stt_worker.databases.postgresql import facts as postgresql_facts


@pytest.mark.parametrize(
    ("version", "comment", "flavour", "numbers"),
    [
        ("5.7.44-log", "MySQL Community Server (GPL)", "mysql", (5, 7, 44)),
        ("8.0.43", "MySQL Community Server - GPL", "mysql", (8, 0, 43)),
        ("9.7.4-2", "(Debian)", "mysql", (9, 7, 4)),
        ("26.10.0", "MySQL Enterprise Server - Commercial", "mysql", (26, 10, 0)),
        ("8.0.33-25", "Percona Server (GPL), Release 25, Revision 60c9e2c5", "percona", (8, 0, 33)),
        ("8.0.42-33.1", "Percona XtraDB Cluster (GPL), Release rel33", "percona", (8, 0, 42)),
        ("5.5.5-10.6.4-MariaDB-log", "mariadb.org binary", "mariadb", (10, 6, 4)),
        ("10.11.18-MariaDB-0+deb12u1", "Debian 12", "mariadb", (10, 11, 18)),
        ("10.6.14-9-MariaDB-enterprise-log", "MariaDB Enterprise", "mariadb", (10, 6, 14)),
        ("11.8.3-MariaDB", "Percona", "mariadb", (11, 8, 3)),
        ("5.5.5", "MySQL Community Server", "mysql", (5, 5, 5)),
        ("8.0.11-TiDB-v7.5.1", "TiDB Server (Apache License 2.0)", "tidb", (8, 0, 11)),
        ("8.0.30-Vitess", "Version: 19.0.4", "vitess", (8, 0, 30)),
        ("5.7.25", "OceanBase_CE 4.2.1.0", "oceanbase", (5, 7, 25)),
        ("5.5.30", "(ProxySQL)", "proxysql", (5, 5, 30)),
        ("", "", "mysql", ()),
        ("unknown", "", "mysql", ()),
    ],
)
def test_mysql_flavour_and_numeric_version(
    version: str, comment: str, flavour: str, numbers: tuple[int, ...]
) -> None:
    found = mysql_facts.facts({"version": version, "comment": comment})
    assert (found.flavour, found.version) == (flavour, numbers)


@pytest.mark.parametrize("digits", ["9" * 30, "9" * 5_000, "\N{ARABIC-INDIC DIGIT FOUR}"])
def test_a_version_that_a_server_makes_up_fits_into_a_message(digits: str) -> None:
    row = {"version": f"PostgreSQL 9.{digits}", "number": digits}
    for facts in (
        mysql_facts.facts({"version": f"9.7.{digits}"}),
        mongodb_facts.facts({}, {"version": f"6.0.{digits}"}, "h"),
        postgresql_facts.facts(row),
    ):
        assert remote.first(remote.encoded(remote.Known(facts=facts))) == remote.Known(facts=facts)


@pytest.mark.parametrize(
    ("row", "aurora", "provider"),
    [
        ({"version": "8.0.35", "basedir": "/rdsdbbin/mysql-8.0.35.R1/"}, False, "rds"),
        ({"version": "8.0.35", "datadir": "/rdsdbdata/db/"}, False, "rds"),
        ({"version": "8.0.32", "basedir": "/rdsdbbin/oscar-8.0/"}, True, "aurora"),
        ({"version": "8.0.31-google"}, False, "cloudsql"),
        ({"version": "8.0.37-azure"}, False, "azure"),
        ({"version": "8.0.37", "basedir": "/usr/", "datadir": None}, False, "self-managed"),
    ],
)
def test_mysql_provider(row: dict[str, Any], aurora: bool, provider: str) -> None:
    assert mysql_facts.facts(row, aurora=aurora).provider == provider


@pytest.mark.parametrize(
    ("row", "role"),
    [
        ({"read_only": 1}, "replica"),
        ({"read_only": "ON"}, "replica"),
        ({"read_only": 0, "innodb_read_only": 1}, "replica"),
        ({"read_only": 0, "innodb_read_only": 0}, ""),
        ({"read_only": "OFF"}, ""),
        ({}, ""),
    ],
)
def test_mysql_role_as_far_as_it_shows(row: dict[str, Any], role: str) -> None:
    assert mysql_facts.facts({"version": "8.0.1"} | row).role == role


@given(st.lists(st.integers(0, 9_999), min_size=2, max_size=4))
def test_mysql_versions_are_numbers_whatever_their_length(parts: list[int]) -> None:
    text = ".".join(map(str, parts))
    if text != "5.5.5":
        assert mysql_facts.numbers(f"{text}-log") == tuple(parts)


@pytest.mark.parametrize(
    ("text", "number", "flavour", "version"),
    [
        ("PostgreSQL 18.6 on x86_64-pc-linux-gnu", "180006", "postgresql", (18, 6)),
        ("PostgreSQL 15.18 (Debian 15.18-0+deb12u1)", "150018", "postgresql", (15, 18)),
        ("PostgreSQL 19beta2 on x86_64", "190000", "postgresql", (19, 0)),
        ("PostgreSQL 12.22 on x86_64", 120022, "postgresql", (12, 22)),
        ("PostgreSQL 8.0.2 on i686, Redshift 1.0.77467", None, "redshift", (8, 0)),
        ("CockroachDB CCL v24.1.0 (x86_64)", "130000", "cockroachdb", (13, 0)),
        ("PostgreSQL 11.2-YB-2.18.0.0-b0 on x86_64", "110002", "yugabytedb", (11, 2)),
        ("PostgreSQL 12.12 (Greenplum Database 7.1.0)", "120012", "greenplum", (12, 12)),
        ("PostgreSQL 16.3 (EnterpriseDB Advanced Server 16.3.0)", "160003", "edb", (16, 3)),
        ("something else", None, "postgresql", ()),
    ],
)
def test_postgresql_flavour_and_numeric_version(
    text: str, number: object, flavour: str, version: tuple[int, ...]
) -> None:
    found = postgresql_facts.facts({"version": text, "number": number})
    assert (found.flavour, found.version, found.version_text) == (flavour, version, text)


@pytest.mark.parametrize(
    ("row", "provider"),
    [
        ({"bootstrap": "postgres"}, "self-managed"),
        ({"bootstrap": "app"}, "self-managed"),
        ({"bootstrap": "rdsadmin"}, "rds"),
        ({"bootstrap": "rdsadmin", "aurora": 1}, "aurora"),
        ({"bootstrap": "cloudsqladmin"}, "cloudsql"),
        ({"bootstrap": "azuresu"}, "azure"),
        ({"bootstrap": "alloydbadmin"}, "alloydb"),
        ({}, "self-managed"),
    ],
)
def test_postgresql_provider_by_its_bootstrap_superuser(row: dict[str, Any], provider: str) -> None:
    assert postgresql_facts.facts(row).provider == provider


@pytest.mark.parametrize(("standby", "role"), [(True, "standby"), (False, "primary"), (None, "")])
def test_postgresql_role(standby: bool | None, role: str) -> None:
    assert postgresql_facts.facts({"standby": standby}).role == role


@pytest.mark.parametrize(
    ("hello", "role"),
    [
        ({"isWritablePrimary": True}, "standalone"),
        ({"ismaster": True}, "standalone"),
        ({"msg": "isdbgrid", "isWritablePrimary": True}, "mongos"),
        ({"setName": "rs", "isWritablePrimary": True}, "primary"),
        ({"setName": "rs", "ismaster": True}, "primary"),
        ({"setName": "rs", "secondary": True, "isWritablePrimary": False}, "secondary"),
        ({"setName": "rs", "arbiterOnly": True}, "arbiter"),
        ({"setName": "rs"}, "other"),
        ({"isreplicaset": True}, "other"),
    ],
)
def test_mongodb_role(hello: dict[str, Any], role: str) -> None:
    assert mongodb_facts.facts(hello, {}, "").role == role


@pytest.mark.parametrize(
    ("build", "host", "identity", "version", "text"),
    [
        (
            {"version": "6.0.27", "versionArray": [6, 0, 27, 0], "gitVersion": "a"},
            "10.0.0.1", ("mongodb", "self-managed"), (6, 0, 27), "6.0.27",
        ),
        (
            {"version": "8.2.0-rc1", "versionArray": [8, 2, 0, -49], "gitVersion": "a"},
            "10.0.0.1", ("mongodb", "self-managed"), (8, 2, 0), "8.2.0-rc1",
        ),
        (
            {"version": "7.0.28-15", "psmdbVersion": "7.0.28-15", "versionArray": [7, 0, 28, 0]},
            "h", ("percona", "self-managed"), (7, 0, 28), "7.0.28-15",
        ),
        (
            {"version": "8.0.4", "versionArray": [8, 0, 4, 0], "gitVersion": "a"},
            "c-shard-00-00.abc.mongodb.net", ("mongodb", "atlas"), (8, 0, 4), "8.0.4",
        ),
        (
            {"version": "5.0.0", "versionArray": [5, 0, 0, 0]},
            "x.node.eu-west-1.docdb.amazonaws.com", ("documentdb", "aws"), (5, 0, 0), "5.0.0",
        ),
        (
            {"version": "7.0.77", "ferretdb": {"version": "v2.0.0"}},
            "h", ("ferretdb", "self-managed"), (7, 0, 77), "7.0.77",
        ),
        (
            {"version": "4.2.0", "_t": "BuildInfoResponse"},
            "h", ("cosmosdb", "azure"), (4, 2, 0), "4.2.0",
        ),
        ({}, "h", ("mongodb", "self-managed"), (), ""),
        ({"version": "8.1.0"}, "h", ("mongodb", "self-managed"), (8, 1, 0), "8.1.0"),
    ],
)  # fmt: skip
def test_mongodb_flavour_provider_and_numeric_version(
    build: dict[str, Any],
    host: str,
    identity: tuple[str, str],
    version: tuple[int, ...],
    text: str,
) -> None:
    found = mongodb_facts.facts({}, build, host)
    assert (found.flavour, found.provider) == identity
    assert (found.version, found.version_text) == (version, text)


def test_atlas_is_known_by_the_names_its_members_give_themselves() -> None:
    hello = {"me": "c-shard-00-00.abc.mongodb.net:27017", "hosts": ["c.abc.mongodb.net:27017"]}
    assert mongodb_facts.facts(hello, {}, "10.0.0.1").provider == "atlas"
    lookalike = {"me": "mongodb.net.evil.example:27017"}
    assert mongodb_facts.facts(lookalike, {}, "10.0.0.1").provider == "self-managed"
