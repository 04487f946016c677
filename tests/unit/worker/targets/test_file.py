"""worker.toml: every fault at once with key and line, no secret in any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_shared.errors import ConfigError
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint, Tls
from stt_worker.targets.file import MAX_TARGETS, TargetList, load
from stt_worker.targets.model import Inventory
from stt_worker.targets.secrets import Secret


def loaded(folder: Path, text: str) -> TargetList:
    path = folder / "worker.toml"
    path.write_text(text)
    return load(path)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return [fault.removeprefix(f"{folder}/worker.toml:") for fault in caught.value.faults]


def test_a_target_has_all_that_its_table_says(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        """
        [worker]
        name = "w1"
        [[targets]]
        id = "orders-1"
        family = "postgresql"
        host = "db.example"
        user = "stt"
        password = "file:secret"
        database = "app"
        tls = "verify-ca"
        ca = "ca.pem"
        labels = { team = "orders" }
        """,
    )
    (target,) = found.targets
    assert target.id == "orders-1"
    assert target.secret == Secret("file", f"{tmp_path}/secret")
    assert target.labels == {"team": "orders"}
    assert target.endpoint == Endpoint(
        family=Family.POSTGRESQL,
        host="db.example",
        port=5432,
        user="stt",
        database="app",
        tls=Tls(mode="verify-ca", ca=f"{tmp_path}/ca.pem"),
    )
    assert found.warnings == ()


def test_a_url_stands_for_the_parts_and_takes_its_password_from_a_reference(
    tmp_path: Path,
) -> None:
    (target,) = loaded(
        tmp_path,
        '[[targets]]\nid = "a"\nurl = "mongodb://stt@db/?authSource=admin"\npassword = "env:PW"\n',
    ).targets
    assert (target.family, target.endpoint.database) == (Family.MONGODB, "admin")
    assert target.secret == Secret("env", "PW")
    assert target.endpoint.tls.mode == "verify-full"


def test_a_plain_password_is_taken_with_a_warning_that_does_not_show_it(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        '[[targets]]\nid = "a"\nfamily = "mysql"\nhost = "db"\npassword = "hunter2"\n'
        '[[targets]]\nid = "b"\nurl = "mysql://u:hunter2@db"\n',
    )
    assert [target.secret.rest for target in found.targets] == ["hunter2", "hunter2"]
    assert [target.endpoint.password for target in found.targets] == ["", ""]
    (warning,) = found.warnings
    assert warning.endswith(": a, b")
    assert "hunter2" not in warning + repr(found)


def test_an_unchecked_certificate_is_warned_of_unless_the_server_is_here(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        '[[targets]]\nid = "far"\nfamily = "mysql"\nhost = "db"\ntls = "require"\n'
        '[[targets]]\nid = "near"\nfamily = "mysql"\nhost = "localhost"\ntls = "off"\n',
    )
    assert [warning.rpartition(": ")[2] for warning in found.warnings] == ["far"]


def test_every_fault_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        "[[targets]]\n"  # 1
        'id = "Bad Id"\n'  # 2
        'family = "mariadb"\n'  # 3
        "port = 0\n"  # 4
        "[[targets]]\n"  # 5
        'id = "a"\n'
        'familly = "mysql"\n'  # 7
        'password = "file:"\n'  # 8
        "[[targets]]\n"  # 9
        'id = "a"\n'  # 10
        'family = "mysql"\n'
        'socket = "/run/my.sock"\n'
        'host = "db"\n'  # 13
        'auth_source = "admin"\n'  # 14
        'key = "k.pem"\n'  # 15
        "[[targets]]\n"  # 16
        'id = "c"\n'
        'url = "mysql://u:hunter2@db:x"\n'  # 18
        'host = "db"\n'  # 19
        "[targets.labels]\n"  # 20
        "team = 3\n"
    )
    found = faults(tmp_path, text)
    assert [fault.split(":")[0] for fault in found] == [
        *("2", "3", "4", "7", "8", "5", "13", "14", "15", "10", "20", "19", "18")
    ]
    joined = "\n".join(found)
    for sentence in (
        "did you mean 'family'?",
        "port is 0, expected 1 to 65535",
        "the target on line 6 has the same id",
        "family is 'mariadb', expected one of mysql (also for MariaDB",
        "target a: password is an empty reference file:",
    ):
        assert sentence in joined
    assert "hunter2" not in joined


UNUSED = [
    ('family = "mysql"', "host or socket is missing"),
    ('family = "postgresql"\nhost = "a,b"', "it contains several hosts"),
    ('family = "mongodb"\nhost = "a..b"', "a label is empty"),
    ('family = "mysql"\nhost = "a b"', "a space"),
    ('family = "mysql"\nhost = "db:3307"', "give the port separately"),
    ('family = "mysql"\nhost = "/run/my.sock"', "use `socket`"),
    ('family = "mysql"\nhost = "[::1]"', "not an IPv6 address"),
    ('family = "mysql"\nhost = "user@db"', "a character that host names cannot have"),
    (f'family = "mysql"\nhost = "{"a" * 64}.example"', "the limit of DNS is 63"),
    (f'family = "mysql"\nhost = "{"ab." * 90}example"', "the limit of DNS is 253"),
    (f'family = "mysql"\nhost = "{"ü" * 60}.example"', "DNS cannot encode it"),
    ('family = "mysql"\nhost = ""', "host is '', expected"),
    ('url = "postgresql:///app"', "it is empty"),
    ('url = "postgresql://u@:5432/app"', "it is empty"),
    ('url = "postgresql://a,b/app"', "several hosts"),
    ('url = "mongodb://a:1,b:2/"', "several hosts"),
    ('url = "mysql://a%2Cb/"', "several hosts"),
    ('url = "mysql://a..b/"', "a label is empty"),
    ('url = "mysql://db/?socket=/run/my.sock"', "host has no effect with a socket"),
    ('url = "mysql://localhost:1/?socket=/run/my.sock"', "port has no effect"),
    ('url = "mysql:///?socket=/run/my.sock&tls=require"', "TLS has no effect with a socket"),
    ('url = "mysql://db/?tls=off&ssl-ca=/ca"', "ca has no effect with tls=off"),
    ('url = "mysql://db/?ssl-key=/k"', "key has no effect without cert"),
    ('url = "mongodb://db/?tls=false&tlsInsecure=true"', "has no effect with tls=off"),
    ('url = "mongodb://db/?tls=require&tlsAllowInvalidHostnames=true"', "contradict"),
    ('url = "mysql://db/?ssl-ca=/ca"\nca = "ca"', "ca is also in url"),
    ('url = "mysql://db/?tls=off"\nca = "ca"', "ca has no effect with tls = off"),
    ('url = "mongodb://db/"\npassword = "x"', "password has no effect without user"),
    ('family = "mysql"\nhost = "db"\ntls = "off"\nca = "ca"', "ca has no effect with tls = off"),
    ('family = "mysql"\nhost = "db"\ntls = "off"\ncert = "c"', "cert has no effect"),
    ('family = "mysql"\nhost = "db"\nkey = "k"', "key has no effect without cert"),
    ('family = "mysql"\nhost = "db"\ncert = "cert.pem"', "cert contains no private key"),
    ('family = "mysql"\nhost = "db"\nca = "~nosuchuser/ca"', "of an unknown user"),
    ('family = "mysql"\nsocket = "/s"\nca = "ca"', "ca has no effect with a socket"),
    ('family = "mysql"\nsocket = "/s"\ntls = "require"', "tls has no effect with a socket"),
    ('family = "mysql"\nsocket = "/s"\nport = 1', "port has no effect with a socket"),
    ('family = "mongodb"\nhost = "db"\npassword = "x"', "password has no effect without user"),
    ('family = "mysql"\nhost = "db"\nport = 65536', "port is 65536"),
    ('family = "mysql"\nhost = "db"\nport = true', "port is True"),
    ('family = "mysql"\nhost = "db"\nsslmode = "off"', "unknown key 'sslmode'"),
]


@pytest.mark.parametrize(("text", "says"), UNUSED)
def test_nothing_is_guessed_and_nothing_is_ignored(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n")
    (fault,) = faults(tmp_path, f'[[targets]]\nid = "a"\n{text}\n')
    assert says in fault
    assert "target a: " in fault


@pytest.mark.parametrize(
    "host", ["db", "db.example.", "10.0.0.1", "::1", "fe80::1%eth0", "bücher.example", "my_db-1"]
)
def test_every_name_that_dns_can_carry_and_every_address_is_a_host(
    host: str, tmp_path: Path
) -> None:
    (target,) = loaded(
        tmp_path, f'[[targets]]\nid = "a"\nfamily = "mysql"\nhost = "{host}"\n'
    ).targets
    assert target.endpoint.host == host


@pytest.mark.parametrize("text", ["targets = 3", "targets = [1]", "[targets]\nid = 1"])
def test_targets_that_are_no_array_of_tables_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="not an array of tables"):
        loaded(tmp_path, text)


def test_the_number_of_targets_is_limited(tmp_path: Path) -> None:
    text = "".join(f'[[targets]]\nid = "t{n}"\nfamily = "mysql"\n' for n in range(MAX_TARGETS + 1))
    with pytest.raises(ConfigError, match=f"has {MAX_TARGETS + 1} targets, the limit is"):
        loaded(tmp_path, text)


def test_a_worker_may_have_no_target_yet(tmp_path: Path) -> None:
    assert loaded(tmp_path, "targets = []").targets == ()
    assert loaded(tmp_path, "").targets == ()


def test_an_announced_target_has_neither_address_nor_credential(tmp_path: Path) -> None:
    targets = loaded(
        tmp_path,
        '[[targets]]\nid = "a"\nfamily = "mysql"\nhost = "db.example"\nuser = "stt"\n'
        'password = "env:PW"\n',
    ).targets
    inventory = Inventory(targets)
    shown = repr(inventory.announced())
    assert "db.example" not in shown
    assert "stt" not in shown.replace("stt_", "")
    assert inventory.families() == {Family.MYSQL}
    assert inventory.get("a", Family.POSTGRESQL) is None
    inventory.replace([])
    assert inventory.announced() == ()
