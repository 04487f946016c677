"""Products that call themselves MySQL or PostgreSQL, or speak their protocol: a closed list.

An edition is the original with releases of its own: it is checked as the original, and its version
is not compared with the original's releases. A fork has its own flavour and gets the checks whose
guards name it or nobody. What only speaks the protocol has nothing that a check looks at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

UNKNOWN = "unknown"  # a build whose version text no known packager writes
WHY = "which only speaks the protocol: nothing that the checks look at is known of it"


class Relation(StrEnum):
    """What a product is to the original."""

    EDITION = "edition"
    FORK = "fork"
    PROTOCOL = "protocol"


@dataclass(frozen=True, slots=True)
class Product:
    """A product, recognised by a word in the texts of its version."""

    name: str
    relation: Relation
    word: re.Pattern[str]


def _listed(relation: Relation, **words: str) -> tuple[Product, ...]:
    return tuple(
        Product(name, relation, re.compile(word, re.IGNORECASE)) for name, word in words.items()
    )


# Searched in VERSION() and version_comment, which have a blank between them.
MYSQL = (
    *_listed(
        Relation.PROTOCOL,
        tidb="tidb",
        vitess="vitess",
        oceanbase="oceanbase",
        proxysql="proxysql",
        maxscale="maxscale",
        singlestore="singlestore|memsql",
        starrocks="starrocks",
        doris="doris|selectdb",
        clickhouse="clickhouse",
        dolt="dolt",
        polardb="polardb",
        matrixone="matrixone",
        readyset="readyset",
        greptimedb="greptime",
        # The number of MySQL is made up: 8.0.90-v1.2.790-nightly-0123abcdef(rust-1.85-...).
        databend=r"databend|^8\.0\.\d+-v\d+\.\d+\.\d+",
        # 6.3.0 1811a9efb@24052209 (columnar 2.3.0 ...), with the commit and its day.
        manticore=r"manticore|^\d+\.\d+\.\d+ [0-9a-f]{7,12}@\d{6,8}\b",
        sphinx=r"^\d+\.\d+\.\d+-id64-",
    ),
    *_listed(
        Relation.EDITION,
        heatwave=r"^[\d.]+(?:-u\d+)?-cloud\b|heatwave|mysql enterprise - cloud",
        txsql="txsql|tdsql",
        alisql="alisql",
        greatsql="greatsql",
    ),
)
# Searched in version().
POSTGRESQL = (
    *_listed(
        Relation.PROTOCOL,
        cockroachdb="cockroachdb",
        redshift="redshift",
        materialize="materialize",
        risingwave="risingwave",
        cratedb="cratedb",
        questdb="questdb",
        cedardb="cedardb",
        opengauss="opengauss|gaussdb|vastbase",
        kingbasees="kingbase",
        hologres="hologres",
        ydb=r"\bydb\b",
    ),
    *_listed(
        Relation.FORK,
        yugabytedb="-YB-|yugabytedb",
        greenplum="greenplum|cloudberry",
        edb="enterprisedb|edb postgres",
    ),
    *_listed(
        Relation.EDITION,
        polardb="polardb",
        postgrespro="postgres ?pro",
        ivorysql="ivorysql",
        babelfish="babelfish",
    ),
)
# Recognised by other means than a word: see mongodb/facts.py.
MONGODB = ("cosmosdb", "documentdb", "ferretdb", "firestore")
ONLY_PROTOCOL = frozenset(
    {*MONGODB, *(one.name for one in MYSQL + POSTGRESQL if one.relation is Relation.PROTOCOL)}
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What packagers and builds of the originals write behind the numbers, without digits.
_SUFFIX_OF_MYSQL = _words(
    "a advanced alpha amzn asan azure b beta bionic bitnami bookworm build bullseye buster cll"
    " cloud cluster commercial community deb debian debug dmr el embedded enterprise er fc focal"
    " from ga galera google gpl jammy labs linux log lve m maria mariadb max ndb noble nt p percona"
    " preview pro pve r rc rel release sid standard stretch suse trixie u ubu ubuntu valgrind win"
    " wsrep x xenial"
)
_NAMES_OF_MYSQL = _words("innodb mariadb memdb mydb myrocksdb mysql ndb rocksdb tokudb xtradb")
_SUFFIX_OF_POSTGRESQL = _words(
    "alpha alpine amzn app arch beta bitnami bookworm build bullseye buster centos deb debian devel"
    " distribution el fc fedora focal for freebsd homebrew inc jammy linux macports netbsd nixos"
    " noble ongres openbsd opensuse percona pgdg postgres postgresql pve raspbian rc red hat rhel"
    " server sid suse trixie u ubuntu"
)
# The revision of a Debian or Ubuntu package with what its packager appends, such as a release's
# code name: -0ubuntu0.22.04.1+esm1, -0+deb12u2, +maria~lunar, -1.pgdg22.04+1. Only behind a word of
# a distribution: 8.0.30+acme1 is no such revision.
_REVISION = re.compile(
    r"(?<=[0-9+~.-])(?:ubuntu|deb|maria|pgdg)[0-9.u]*(?:[+~][a-z]*[0-9.]*)*(?![a-z])"
)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_WORDS = re.compile(r"[a-z]+")
_PRODUCT_WORD = re.compile(r"\b[a-z]*(?:sql|db)\b")
_POSTGRESQL = re.compile(r"postgresql [0-9]+(?P<more>.*?)(?: on |, compiled by |$)(?P<rest>.*)")
_BEHIND_BITS = re.compile(r"(?:32|64)-bit(?P<more>.*)$")


def find(products: tuple[Product, ...], text: str) -> Product | None:
    """The first product whose word is in `text`."""
    return next((one for one in products if one.word.search(text)), None)


def build(product: Product | None, *, is_known: bool) -> str:
    """`Facts.build` of a server that is `product`; without one its text is known or not."""
    if product is None:
        return "" if is_known else UNKNOWN
    return product.name if product.relation is Relation.EDITION else ""


def is_known_mysql(version: str, comment: str) -> bool:
    """Whether the texts are such as builds of MySQL, Percona Server and MariaDB have."""
    suffix = _WORDS.findall(_NUMBERS.sub(" ", _REVISION.sub(" ", version.lower())))
    names = _PRODUCT_WORD.findall(comment.lower())
    return _SUFFIX_OF_MYSQL.issuperset(suffix) and _NAMES_OF_MYSQL.issuperset(names)


def is_known_postgresql(text: str) -> bool:
    """Whether version() is such as builds of PostgreSQL have."""
    found = _POSTGRESQL.match(text.lower())
    if found is None:
        return False
    bits = _BEHIND_BITS.search(found["rest"])
    more = found["more"] + (bits["more"] if bits else "")
    return _SUFFIX_OF_POSTGRESQL.issuperset(_WORDS.findall(_REVISION.sub(" ", more)))
