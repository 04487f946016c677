"""Pretenders are recognised by their texts; an unknown one is not taken for the original."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Facts
from stt_worker.databases import products
from stt_worker.databases.mongodb import facts as mongodb_facts
from stt_worker.databases.mysql import facts as mysql_facts
from stt_worker.databases.postgresql import facts as postgresql_facts
from stt_worker.databases.products import Relation
from stt_worker.execution.plan import plan

PAGE = Path(__file__).parents[4] / "docs" / "check-format.md"
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("version", "comment", "flavour", "build"),
    [
        ("9.0.1-cloud", "MySQL Enterprise - Cloud", "mysql", "heatwave"),
        ("8.0.36-u1-cloud", "", "mysql", "heatwave"),
        ("8.4.4", "MySQL HeatWave", "mysql", "heatwave"),
        ("8.0.30-txsql", "TXSQL", "mysql", "txsql"),
        ("5.7.18-20170830-txsql-log", "20170531", "mysql", "txsql"),
        ("5.6.32-AliSQL-log", "Source distribution", "mysql", "alisql"),
        ("8.0.32-27", "GreatSQL, Release 27, Revision aa66a385910", "mysql", "greatsql"),
        ("8.0.30-FooBase", "Source distribution", "mysql", "unknown"),
        ("8.0.30-v3-fork", "", "mysql", "unknown"),
        ("8.0.30", "AcmeSQL 3.1", "mysql", "unknown"),
        ("10.6.1-MariaDB-acme", "Source distribution", "mariadb", "unknown"),
        # What the originals write.
        ("9.7.4-2", "(Debian)", "mysql", ""),
        ("8.0.36-0ubuntu0.22.04.1", "(Ubuntu)", "mysql", ""),
        ("8.4.13", "MySQL Community Server - GPL", "mysql", ""),
        ("8.0.37-commercial", "MySQL Enterprise Server - Commercial", "mysql", ""),
        ("8.0.36-cluster", "MySQL Cluster Community Server - GPL", "mysql", ""),
        ("5.7.44-48-log", "Percona Server (GPL), Release 48", "percona", ""),
        ("8.0.36-28.1", "Percona XtraDB Cluster (GPL), WSREP 26", "percona", ""),
        ("10.11.14-MariaDB-0+deb12u2", "Debian 12", "mariadb", ""),
        ("11.8.3-MariaDB-0+deb13u1 from Debian", "-- Please help", "mariadb", ""),
        ("10.6.18-MariaDB-1:10.6.18+maria~ubu2204-log", "x", "mariadb", ""),
        ("10.6.14-9-MariaDB-enterprise-log", "MariaDB Enterprise", "mariadb", ""),
        ("5.5.5-10.4.8-MariaDB-log", "mariadb.org binary", "mariadb", ""),
        ("8.0.42-0ubuntu0.22.04.1+esm1", "(Ubuntu)", "mysql", ""),
        ("10.6.7-MariaDB-1:10.6.7+maria~kinetic-log", "mariadb.org binary", "mariadb", ""),
        ("11.0.2-MariaDB-1:11.0.2+maria~lunar", "mariadb.org binary", "mariadb", ""),
        ("10.6.18-MariaDB-cll-lve-log", "MariaDB Server", "mariadb", ""),
        ("8.0.36+cll-lve", "MySQL Community Server - GPL", "mysql", ""),
        ("8.0.30+acme1", "(Ubuntu)", "mysql", "unknown"),
        ("8.0.30-0ubuntu1-acme", "(Ubuntu)", "mysql", "unknown"),
        ("8.0.30-0ubuntu1+esm1acme", "(Ubuntu)", "mysql", "unknown"),
    ],
)
def test_a_mysql_is_what_its_texts_say(
    version: str, comment: str, flavour: str, build: str
) -> None:
    found = mysql_facts.facts({"version": version, "comment": comment})
    assert (found.flavour, found.provider, found.build) == (flavour, "self-managed", build)


BUILD = "x86_64-pc-linux-gnu, compiled by gcc (GCC) 12.2.0, 64-bit"


@pytest.mark.parametrize(
    ("text", "flavour", "build"),
    [
        (f"PostgreSQL 14.9 (PolarDB 14.9.15.0 build 1a2b3c) on {BUILD}", "postgresql", "polardb"),
        (f"PostgreSQL 11.9 (POLARDB 11.9) on {BUILD}", "postgresql", "polardb"),
        ("KingbaseES V008R006C007B0012 on x86_64, compiled by gcc", "kingbasees", ""),
        ("PostgreSQL 14.5 (ydb stable-23-4)", "ydb", ""),
        (f"PostgreSQL 11.3 (Hologres 2.0.5) on {BUILD}", "hologres", ""),
        (f"PostgreSQL 11.3 on {BUILD}, Hologres 2.0.5", "hologres", ""),
        (f"PostgresPro 15.4.1 on {BUILD}", "postgresql", "postgrespro"),
        (f"PostgreSQL 13.4 (AcmeBase 3.1) on {BUILD}", "postgresql", "unknown"),
        (f"PostgreSQL 13.4-acme on {BUILD}", "postgresql", "unknown"),
        (f"PostgreSQL 13.4 on {BUILD} AcmeBase 3.1", "postgresql", "unknown"),
        ("AcmeBase 3.1", "postgresql", "unknown"),
        # What the original writes.
        (f"PostgreSQL 18.6 on {BUILD}", "postgresql", ""),
        (f"PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on {BUILD}", "postgresql", ""),
        (f"PostgreSQL 14.5 (Ubuntu 14.5-1.pgdg22.04+1) on {BUILD}", "postgresql", ""),
        ("PostgreSQL 15.4, compiled by Visual C++, 64-bit", "postgresql", ""),
        (f"PostgreSQL 19beta2 on {BUILD}", "postgresql", ""),
        (f"PostgreSQL 16.3 - Percona Distribution on {BUILD}", "postgresql", ""),
        (f"PostgreSQL 16.1 (Postgres.app) on {BUILD}", "postgresql", ""),
        ("PostgreSQL 18.1", "postgresql", ""),
        (f"PostgreSQL 15.13 (Ubuntu 15.13-0ubuntu0.22.04.1+esm1) on {BUILD}", "postgresql", ""),
        (f"PostgreSQL 15.13-0ubuntu0.22.04.1+esm1 on {BUILD}", "postgresql", ""),
        (f"PostgreSQL 15.4 (Debian 15.4-2.pgdg120+1~lunar) on {BUILD}", "postgresql", ""),
        (f"PostgreSQL 12.6 OnGres Inc. on {BUILD}", "postgresql", ""),
        (f"PostgreSQL 13.4+acme1 on {BUILD}", "postgresql", "unknown"),
    ],
)  # fmt: skip
def test_a_postgresql_is_what_its_version_says(text: str, flavour: str, build: str) -> None:
    found = postgresql_facts.facts({"version": text, "bootstrap": "postgres"})
    assert (found.flavour, found.provider, found.build) == (flavour, "self-managed", build)


@pytest.mark.parametrize(
    ("build", "identity"),
    [
        ({"internal": {"documentdb_versions": ["0.106"]}}, ("documentdb", "")),
        ({"ferretdbVersion": "v1.24.0"}, ("ferretdb", "")),
        ({}, ("mongodb", "unknown")),
        ({"gitVersion": "8ec3", "storageEngines": ["wiredTiger"]}, ("mongodb", "")),
    ],
)
def test_a_mongodb_is_what_its_build_says(
    build: dict[str, object], identity: tuple[str, str]
) -> None:
    whole = {"version": "7.0.0", "versionArray": [7, 0, 0, 0], **build}
    found = mongodb_facts.facts({}, whole, "db1")
    assert (found.flavour, found.build, found.provider) == (*identity, "self-managed")


@pytest.mark.parametrize("family", Family)
def test_no_check_of_the_library_runs_where_only_the_protocol_is_spoken(family: Family) -> None:
    for flavour in products.ONLY_PROTOCOL:
        facts = Facts(flavour=flavour, version=(14, 5), version_text="14.5")
        for check in builtin().of(family):
            planned = plan(check, facts)
            assert planned.not_applicable.startswith(f"the server is {flavour}, which only speaks")
            assert planned.views == ()


def test_the_page_lists_every_product() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("### Servers that are not the original")[2]
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", text.partition("### Values")[0], re.MULTILINE)
    listed = {relation: set(re.findall("`(.+?)`", names)) for relation, names in rows[1:]}
    known = products.MYSQL + products.POSTGRESQL
    assert listed == {
        str(relation): {one.name for one in known if one.relation is relation}
        | set(products.MONGODB if relation is Relation.PROTOCOL else ())
        for relation in Relation
    }
