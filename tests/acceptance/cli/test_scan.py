"""`stt scan` and `stt targets test` as people and pipelines run them, on real servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.scanning import (
    last_line,
    report,
    stt,
    table,
    unused_port,
    url,
    worker_toml,
    written_pack,
)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written_pack(tmp_path_factory.mktemp("pack"))


def test_a_scan_prints_one_json_report_and_nothing_else_on_stdout(
    postgresql: Running, pack: str
) -> None:
    done = stt("scan", url(postgresql), "--pack", pack, "-o", "json")
    found = report(done)
    assert done.returncode == 1
    assert last_line(done).startswith("exit 1: 1 failed check at or above critical")
    assert found["summary"] == {
        "critical": 1,
        "major": 0,
        "trivial": 1,
        "passed": 1,
        "not_checked": 0,
        "accepted": 0,
        "gone": 0,
        "gone_findings": 0,
        "baseline": 0,
        "targets": 1,
        "targets_checked": 1,
        "parts_not_checked": 0,
    }
    name = f"postgresql-127-0-0-1-{postgresql.port}"
    assert [(r["target"], r["check"], r["outcome"]) for r in found["results"]] == [
        (name, "bad", "failed"),
        (name, "clean", "passed"),
        (name, "odd", "failed"),
    ]
    (finding,) = found["results"][0]["findings"]
    assert finding["object"] == postgresql.user
    assert finding["severity"] == "critical"
    assert finding["id"].startswith("f_")
    assert postgresql.password not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--checks", "clean"), 0),
        (("--check", "clean,odd"), 0),
        (("--checks", "clean", "--check", "odd", "--fail-on", "trivial"), 1),
        (("--fail-on", "none"), 0),
        (("--checks", "claen"), 2),
        (("--fail-on", "sometimes"), 2),
        (("--nonsense",), 2),
    ],
)
def test_exit_codes_show_the_result(
    postgresql: Running, pack: str, arguments: tuple[str, ...], code: int
) -> None:
    done = stt("scan", url(postgresql), "--pack", pack, *arguments)
    assert done.returncode == code, done.stderr
    if code:
        assert last_line(done).startswith(f"exit {code}: ")


def test_a_folder_that_nobody_signed_is_noticed_once_and_changes_no_exit_code(
    postgresql: Running, pack: str
) -> None:
    done = stt("scan", url(postgresql), "--pack", pack, "--checks", "clean", "-o", "json")
    assert done.returncode == 0
    assert done.stderr.count(f"notice: the checks in {pack} are not signed\n") == 1
    assert report(done)["results"]
    builtin = stt("scan", url(postgresql), "--checks", "postgresql_version_eol", "-o", "json")
    assert "not signed" not in builtin.stderr


def test_an_unknown_check_is_answered_with_the_likely_name(pack: str) -> None:
    done = stt("scan", "postgresql://127.0.0.1", "--pack", pack, "--checks", "claen")
    assert "unknown check 'claen', did you mean 'clean'?" in done.stderr


def test_a_target_that_cannot_be_reached_has_results_that_say_so_and_exit_code_3(
    postgresql: Running, pack: str
) -> None:
    gone = f"postgresql://u:p@127.0.0.1:{unused_port()}"
    arguments = ("--pack", pack, "--checks", "clean", "-o", "json")
    done = stt("scan", url(postgresql), gone, *arguments)
    assert done.returncode == 3
    outcomes = {(r["outcome"], r["kind"]) for r in report(done)["results"]}
    assert outcomes == {("passed", None), ("error", "unreachable")}
    accepted = stt("scan", gone, *arguments, "--allow-incomplete")
    assert accepted.returncode == 0


def test_a_wrong_password_is_an_auth_error_that_shows_no_password(
    postgresql: Running, pack: str
) -> None:
    wrong = f"postgresql://{postgresql.user}:hunter2@{postgresql.host}:{postgresql.port}"
    done = stt("scan", wrong, "--pack", pack, "-o", "json")
    assert done.returncode == 3
    assert {r["kind"] for r in report(done)["results"]} == {"auth"}
    assert "hunter2" not in done.stdout + done.stderr


def test_a_server_without_tls_is_distinguished_from_one_that_is_gone_and_gets_a_hint(
    postgresql: Running, pack: str
) -> None:
    done = stt("scan", url(postgresql, rest="/?tls=require"), "--pack", pack, "-o", "json")
    assert done.returncode == 3
    assert {r["kind"] for r in report(done)["results"]} == {"tls"}
    assert "?tls=off" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "nothing to scan"),
        (("oracle://u:hunter2@db",), "scheme 'oracle'"),
        (("mysql://u:hunter2@db:x",), "port"),
        (("mysql://u:hunter2@db?colour=red",), "unknown parameter 'colour'"),
        (("mysql://db", "--pack", "/nowhere"), "/nowhere"),
        (("--config", "/nowhere.toml"), "/nowhere.toml"),
    ],
)
def test_a_scan_with_wrong_arguments_names_the_fault(arguments: tuple[str, ...], says: str) -> None:
    done = stt("scan", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert "hunter2" not in done.stderr


def test_lines_and_tables_are_for_other_readers(postgresql: Running, pack: str) -> None:
    lines = stt("scan", url(postgresql), "--pack", pack, "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["check"] for line in lines] == ["bad", "clean", "odd"]
    table = stt("scan", url(postgresql), "--pack", pack).stdout
    assert "critical" in table
    assert "\x1b" not in table


def test_one_scan_takes_databases_of_all_families_and_each_gets_its_own_checks(
    postgresql: Running, mariadb: Running, mongodb: Running
) -> None:
    done = stt(
        "scan",
        url(postgresql),
        url(mariadb, "mariadb", "/"),
        url(mongodb, "mongodb", "/"),
        *("-o", "json", "--fail-on", "none", "--allow-incomplete"),
    )
    assert done.returncode == 0, done.stderr
    found = report(done)
    for result in found["results"]:
        assert result["check"].startswith(result["family"])
        assert result["kind"] in (None, "undecided", "not_applicable"), result
    assert {r["family"] for r in found["results"]} == {"mysql", "postgresql", "mongodb"}
    assert found["summary"]["targets_checked"] == 3


def test_checks_of_other_families_are_left_out(postgresql: Running) -> None:
    checks = "mysql_version,postgresql_version"
    done = stt("scan", url(postgresql), "--checks", checks, "-o", "json", "--fail-on", "none")
    assert [r["check"] for r in report(done)["results"]] == ["postgresql_version"]


def test_the_targets_of_a_worker_are_scanned_with_their_references(
    postgresql: Running, pack: str, tmp_path: Path
) -> None:
    config = worker_toml(tmp_path, table("orders-1", postgresql))
    arguments = ("scan", "--config", config, "--pack", pack, "-o", "json")
    done = stt(*arguments, PW=postgresql.password)
    assert {r["target"] for r in report(done)["results"]} == {"orders-1"}
    assert done.returncode == 1
    without = stt(*arguments)
    assert without.returncode == 3
    assert {r["kind"] for r in report(without)["results"]} == {"config"}
    assert "env:PW" in report(without)["results"][0]["reason"]


def test_targets_test_tells_which_targets_can_be_checked_and_why_not(
    postgresql: Running, tmp_path: Path
) -> None:
    config = worker_toml(
        tmp_path, table("good", postgresql), table("bad", postgresql, "plain hunter2")
    )
    done = stt("targets", "test", "--config", config, "-o", "json", PW=postgresql.password)
    assert done.returncode == 3
    good, bad = json.loads(done.stdout)
    assert (good["target"], good["kind"], good["problems"]) == ("good", None, [])
    assert good["facts"]["flavour"] == "postgresql"
    assert (bad["target"], bad["kind"]) == ("bad", "auth")
    assert "the password is in the file" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    only = stt("targets", "test", "--config", config, "--target", "good", PW=postgresql.password)
    assert only.returncode == 0
    assert only.stdout.splitlines()[1].split("\t")[:4] == ["good", "postgresql", "ok", "off"]
    unknown = stt("targets", "test", "--config", config, "--target", "goood")
    assert unknown.returncode == 2
    assert "did you mean 'good'?" in unknown.stderr


def test_a_wrong_list_of_targets_tells_every_fault_with_its_line(tmp_path: Path) -> None:
    config = worker_toml(
        tmp_path,
        '[worker]\nconcurency = 3\n[[targets]]\nid = "a"\nfamily = "oracle"\nport = 0\n',
    )
    done = stt("worker", "--config", config)
    assert done.returncode == 2
    assert f"{config}:2: unknown setting 'worker.concurency'" in done.stderr
    assert f"{config}:5: target a: family is 'oracle'" in done.stderr
    assert f"{config}:6: target a: port is 0" in done.stderr
    missing = stt("worker", "--config", str(tmp_path / "none.toml"))
    assert missing.returncode == 2
    assert "none.toml does not exist" in missing.stderr
