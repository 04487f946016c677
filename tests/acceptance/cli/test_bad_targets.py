"""Each reason why a target cannot be checked is distinguished; the other targets decide."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers import mysql as embedded_mysql
from stt_coordinator.local.servers import postgresql as embedded_postgresql
from stt_coordinator.local.servers.process import Running, free_port
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD, serving
from tests.support.processes.commands import refused, stt, url

GOOD_CHECK = """\
checks:
  - version: 2
    name: {name}
    summary: {name}
    description: for tests
    family: POSTGRESQL
    queries:
      - type: POSTGRESQL_SELECT
        query: 1 AS one
    script: |
      def check_context(docs, context):
          return []
"""


BAD_CHECK = GOOD_CHECK.replace("version: 2", "version: 9").replace("POSTGRESQL\n", "ORACLE\n", 1)


def pack(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_a_bad_check_file_is_reported_and_the_other_checks_run(
    postgresql: Running, tmp_path: Path
) -> None:
    good = GOOD_CHECK.format(name="good") + "  - 3\n  - name: a\n    name: b\n"
    folder = pack(
        tmp_path, good=good, bad=BAD_CHECK.format(name="bad"), none="checks: [", other="a: 1"
    )
    target = url(postgresql, "postgresql", postgresql.password)
    done = stt("scan", target, "--pack", folder, "-o", "json")
    assert done.returncode == 3
    results = json.loads(done.stdout)["results"]
    assert [(one["check"], one["outcome"]) for one in results] == [("good", "passed")]
    for fault in (
        f"warning: check skipped: {folder}/bad.yaml:2: bad: version is 9, expected 1 or 2",
        f"{folder}/bad.yaml:6: bad: family is 'ORACLE', expected one of MYSQL",
        f"{folder}/none.yaml:2: not valid YAML",
        f"{folder}/good.yaml:13: expected a mapping",
        f"{folder}/good.yaml:15: key 'name' twice",
        f"{folder}/other.yaml:1: expected a mapping with the list 'checks'",
    ):
        assert fault in done.stderr
    assert done.stderr.splitlines()[-1].startswith("exit 3: checks were skipped for ")
    accepted = ("--allow-incomplete",), ("--checks", "good")
    for words in accepted:
        assert stt("scan", target, "--pack", folder, *words).returncode == 0


def test_a_pack_without_any_good_check_is_a_usage_error_with_every_fault(tmp_path: Path) -> None:
    folder = pack(tmp_path, bad=BAD_CHECK.format(name="bad"), none="checks: [")
    done = stt("scan", "mysql://127.0.0.1:1", "--pack", folder)
    refused(done, f"no valid check in {folder}", "version is 9", "not valid YAML")


def test_a_target_without_applicable_checks_is_reported(postgresql: Running) -> None:
    target = url(postgresql, "postgresql", postgresql.password)
    done = stt("scan", target, "--checks", "mysql_version", "-o", "json")
    assert (done.returncode, json.loads(done.stdout)["results"]) == (0, [])
    name = f"postgresql-127-0-0-1-{postgresql.port}"
    shown, absent = done.stderr.splitlines()
    assert "(ps)" in shown
    assert absent == f"warning: no check applies to {name}"


def test_of_two_databases_one_down_the_findings_of_the_other_are_shown_and_decide(
    postgresql: Running, tmp_path: Path
) -> None:
    found = '[{"summary": "bad", "severity": "critical"}]'
    text = GOOD_CHECK.format(name="bad").replace("return []", f"return {found}")
    up = url(postgresql, "postgresql", postgresql.password)
    down = f"postgresql://u:p@127.0.0.1:{free_port()}"
    words = ("scan", down, up, "--pack", pack(tmp_path, bad=text))
    table = stt(*words)
    assert table.returncode == 1
    assert len(table.stdout.splitlines()) == 2
    assert "unreachable" in table.stderr
    assert table.stderr.splitlines()[-1].startswith("exit 1: 1 failed check at or above critical")
    reported = stt(*words, "-o", "jsonl", "--fail-on", "none")
    assert reported.returncode == 3
    kinds = [json.loads(line)["kind"] for line in reported.stdout.splitlines()]
    assert sorted(kinds, key=str) == [None, "unreachable"]


def wrong_mariadb(folder: Path, certificates: Certificates) -> Running:
    tls = (certificates.wrong_cert, certificates.wrong_key, certificates.ca)
    program = embedded_mysql.find_mariadb()
    return embedded_mysql.start(program, folder / "wrong-mariadb", password=PASSWORD, tls=tls)


def wrong_postgresql(folder: Path, certificates: Certificates) -> Running:
    return embedded_postgresql.start(
        folder / "wrong-postgresql",
        password=PASSWORD,
        binaries=embedded_postgresql.installed(15),
        tls=(certificates.wrong_cert, certificates.wrong_key, certificates.ca),
    )


def wrong_mongodb(folder: Path, certificates: Certificates) -> Running:
    words = ["--auth", "--tlsMode", "preferTLS", "--tlsAllowConnectionsWithoutCertificates"]
    words += ["--tlsCertificateKeyFile", str(certificates.wrong_both)]
    words += ["--tlsCAFile", str(certificates.ca)]
    return embedded_mongodb.start(folder / "wrong-mongodb", extra=words)


@pytest.mark.parametrize(
    ("scheme", "start"),
    [("mysql", wrong_mariadb), ("postgresql", wrong_postgresql), ("mongodb", wrong_mongodb)],
)
def test_a_wrong_password_and_a_certificate_of_another_name_are_distinguished_and_exit_3(
    scheme: str,
    start: Callable[[Path, Certificates], Running],
    servers_folder: Path,
    certificates: Certificates,
) -> None:
    with serving(scheme, lambda: start(servers_folder, certificates)) as server:
        hidden = "hunter2-is-wrong"
        bad_login = stt("scan", url(server, scheme, hidden, "/?tls=require"), "-o", "jsonl")
        verified = f"/?tls=verify-full&ca={certificates.ca}"
        bad_name = stt("scan", url(server, scheme, hidden, verified), "-o", "jsonl")
    for done, kind in ((bad_login, "auth"), (bad_name, "tls")):
        assert done.returncode == 3
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert {(one["outcome"], one["kind"]) for one in results} == {("error", kind)}
        assert "exit 3: " in done.stderr.splitlines()[-1]
        assert hidden not in done.stdout + done.stderr
    assert "elsewhere.example" in bad_name.stdout
    assert "127.0.0.1" in bad_name.stdout
    assert "?tls=verify-ca (the host name is not verified)" in bad_name.stderr


def test_a_user_of_mongodb_without_a_password_is_a_fault_of_the_configuration() -> None:
    done = stt("scan", f"mongodb://stt@127.0.0.1:{free_port()}", "-o", "json")
    assert done.returncode == 3
    results = json.loads(done.stdout)["results"]
    assert {one["kind"] for one in results} == {"config"}
    assert "no password for user stt" in results[0]["reason"]
