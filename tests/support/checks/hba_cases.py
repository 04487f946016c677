"""Lines of pg_hba.conf, and what each check has to find in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.checks.hba import OWN

SCRAM, MD5 = "PASSWORD 'hba'", f"PASSWORD 'md5{'0' * 32}'"
ROLES = [
    "CREATE ROLE hba_dba",
    f"CREATE ROLE hba_root SUPERUSER LOGIN {SCRAM} IN ROLE hba_dba",
    f"CREATE ROLE hba_heir LOGIN NOINHERIT {SCRAM} IN ROLE hba_root",
    f"CREATE ROLE hba_plain LOGIN {SCRAM}",
    "CREATE ROLE hba_unused SUPERUSER",
    *(f"CREATE ROLE {name} LOGIN REPLICATION {SCRAM}" for name in "abcdefg"),
    *(f"CREATE ROLE {name} LOGIN REPLICATION {MD5}" for name in "xyz"),
    f"CREATE ROLE app LOGIN {SCRAM}",
    f'CREATE ROLE "Bob, the ""DBA""" LOGIN {SCRAM}',
]
NAMES = ("hba_unused", "hba_heir", "hba_plain", "hba_root", "hba_dba", *"abcdefgxyz", "app")
NO_ROLES = [f"DROP ROLE {name}" for name in (*NAMES, '"Bob, the ""DBA"""')]
BASES = ["CREATE DATABASE shop", 'CREATE DATABASE "my shop"']


@dataclass(frozen=True, kw_only=True)
class Case:
    """Lines of the file and what a check finds in them, by the number of the line."""

    check: str
    name: str
    lines: Sequence[str]
    finds: Mapping[int, str] = field(default_factory=dict[int, str])
    on: Sequence[str] = ("with_tls", "without_tls")


CASES = [
    Case(
        check="trust",
        name="what_initdb_writes_and_a_network",
        lines=[
            "local all all trust",
            "host all all 127.0.0.1/32 trust",
            "host all all ::1/128 trust",
            "host all all 10.0.0.0/8 reject",
            "host shop all 10.0.0.1/32 trust",
            "host all all samehost trust",
            'host "my shop" "Bob, the ""DBA""" 192.0.2.0 255.255.255.0 trust',
            "host all app .example.com trust",
        ],
        finds={1: "major", 2: "major", 3: "major", 6: "major", 7: "critical", 8: "critical"},
    ),
    Case(
        check="trust",
        name="a_client_certificate_is_better_than_a_password",
        lines=[
            "hostssl all a all trust clientcert=verify-full",
            "hostssl all b all trust clientcert=verify-ca",
            "hostssl all c all trust",
        ],
        finds={2: "major", 3: "critical"},
        on=["with_tls"],
    ),
    Case(
        check="trust",
        name="localhost_behind_its_addresses_and_mapped_addresses",
        lines=[
            "host all a 127.0.0.0/8 reject",
            "host all a,b ::1/128 reject",
            "host all a,b localhost trust",
            "host all c,d 127.0.0.1/32 reject",
            "host all c,d ::/1 reject",
            "host all c localhost trust",
            "host all d samehost trust",
            "host all e ::ffff:127.0.0.2/128 trust",
            "host all f ::ffff:0:0/96 trust",
            "host all g ::fffe:0:0/95 trust",
        ],
        finds={3: "major", 7: "major", 10: "critical"},
    ),
    Case(
        check="trust",
        name="a_hostssl_line_without_tls_lets_nobody_in",
        lines=["hostssl all all 0.0.0.0/0 trust"],
        on=["without_tls"],
    ),
    Case(
        check="cleartext",
        name="password_and_its_like",
        lines=[
            "host all a 10.0.0.0/8 password",
            "host all b 127.0.0.1/32 password",
            "hostnossl replication c all password",
        ],
        finds={1: "major", 3: "major"},
    ),
    Case(
        check="cleartext",
        name="methods_that_need_the_password_stay_and_want_tls",
        lines=[
            "host all a 10.0.0.0/8 pam pamservice=db",
            'host all b 10.0.0.0/8 ldap ldapserver=ad ldapprefix="cn=" ldaptls=1',
            "hostssl all c 10.0.0.0/8 pam",
            "hostnossl all all 192.0.2.0/24 reject",
            "host all all 192.0.2.1/32 pam",
        ],
        finds={1: "major", 2: "major"},
        on=["with_tls"],
    ),
    Case(
        check="md5",
        name="md5_wherever_it_is",
        lines=[
            "local all x md5",
            "host all x 10.0.0.0/8 md5",
            "host shop y,z samenet md5",
            "host shop z samenet md5",
        ],
        finds={1: "major", 2: "major", 3: "major"},
    ),
    Case(
        check="md5",
        name="md5_where_every_hash_is_scram",
        lines=["host all a,app 10.0.0.0/8 md5", "host all app,x 10.0.0.0/8 md5"],
        finds={1: "trivial", 2: "major"},
    ),
    Case(
        check="ident",
        name="ident_over_tcp_but_not_on_the_socket",
        lines=[
            "local all x ident",
            "host all x 127.0.0.1/32 ident",
            "host all x 10.0.0.0/8 ident map=m",
        ],
        finds={2: "trivial", 3: "major"},
    ),
    Case(
        check="any_address",
        name="all_and_masks_of_zeros",
        lines=[
            "host all a all scram-sha-256",
            "host all b 0.0.0.0/0 scram-sha-256",
            "host all c ::/0 md5",
            "host all d 10.1.2.3 0.0.0.0 scram-sha-256",
            "host all e 128.0.0.0/1 scram-sha-256",
            "host all f 10.0.0.0/8 scram-sha-256",
            "host all g all reject",
            "host all g all scram-sha-256",
        ],
        finds={1: "major", 2: "major", 3: "major", 4: "major", 5: "major"},
    ),
    Case(
        check="no_tls",
        name="clients_that_may_choose_the_clear",
        lines=[
            "host all a 10.0.0.0/8 scram-sha-256",
            "hostnossl all b 10.0.0.0/8 scram-sha-256",
            "hostnogssenc all c samenet md5",
            "hostssl all d 10.0.0.0/8 scram-sha-256",
            "host all e samehost scram-sha-256",
        ],
        finds={1: "major", 2: "major", 3: "major"},
        on=["with_tls"],
    ),
    Case(
        check="no_tls",
        name="a_preceding_reject_neutralises_later_host_rules",
        lines=[OWN[1], "hostnossl all all all reject", "host all all 0.0.0.0/0 scram-sha-256"],
        on=["with_tls"],
    ),
    Case(
        check="superuser_remote",
        name="by_all_by_name_and_by_group",
        lines=[
            "host all hba_root 10.1.0.0/16 scram-sha-256",
            "host shop,replication +hba_dba 10.2.0.0/16 scram-sha-256",
            "host all hba_plain 10.3.0.0/16 scram-sha-256",
            "host all hba_root,+hba_dba,postgres 10.4.0.0/16 reject",
            "host all all 10.4.0.0/16 scram-sha-256",
            "host all all 10.5.0.0/16 scram-sha-256",
            "host all hba_heir 10.6.0.0/16 scram-sha-256",
        ],
        finds={1: "major", 2: "major", 6: "major", 7: "major"},
    ),
    Case(
        check="superuser_remote",
        name="by_a_pattern_from_16_on",
        lines=[
            "host all /^hba_r 10.1.0.0/16 scram-sha-256",
            "host all /^hba_p.*$ 10.1.0.0/16 scram-sha-256",
            'host all "/^post,x(a|b)$" 10.2.0.0/16 scram-sha-256',
        ],
        finds={1: "major"},
        on=["without_tls"],
    ),
    Case(
        check="replication_open",
        name="without_password_or_for_everybody",
        lines=[
            "local replication x trust",
            "host replication a 10.0.0.0/8 trust",
            "host replication b all scram-sha-256",
            "host replication c 10.0.0.0/8 scram-sha-256",
            "host all d 0.0.0.0/0 trust",
            "host shop,replication e 0.0.0.0/0 trust",
        ],
        finds={1: "major", 2: "critical", 3: "major", 6: "critical"},
    ),
    Case(
        check="errors",
        name="a_line_that_ends_too_early",
        lines=["host bad", "host all all 10.0.0.0/8 nonsense"],
        finds={1: "trivial", 2: "trivial"},
    ),
    Case(
        check="errors",
        name="a_hostssl_line_without_tls",
        lines=["hostssl all all 10.0.0.0/8 scram-sha-256"],
        finds={1: "trivial"},
        on=["without_tls"],
    ),
]
