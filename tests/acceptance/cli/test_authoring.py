"""A check from nothing to a sample recorded on a real server, as its author types it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.samples import parse_samples
from tests.support.processes.prepared import prepared

QUERY = "type: MYSQL_SHOW\n        query: GLOBAL VARIABLES LIKE 'local_infile'"
WITH_SECRET = """type: MYSQL_SELECT
        secret: [hash]
        query: "'app' AS the_column_to_check, 'very-secret-hash' AS hash, 'pw-1' AS password"
"""


def stt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return prepared().run(arguments, os.environ)


def url(server: Running) -> str:
    return f"mysql://{server.user}:{quote(server.password, safe='')}@{server.host}:{server.port}/"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    made = stt("checks", "new", "app_odd", "--family", "mysql", "--pack", str(tmp_path))
    assert made.returncode == 0, made.stderr
    return tmp_path


def edit(pack: Path, old: str, new: str) -> None:
    file = pack / "mysql" / "app_odd" / "check.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_new_check_is_sound_and_fails_its_own_sample_until_it_is_written(pack: Path) -> None:
    assert stt("checks", "lint", str(pack)).returncode == 0
    tried = stt("checks", "test", "--pack", str(pack))
    assert (tried.returncode, "ended as passed, the sample expects failed" in tried.stdout) == (
        1,
        True,
    )
    assert "printed: first row:" in tried.stderr
    edit(pack, '== "bad"', '!= "good"')
    tried = stt("checks", "test", "--pack", str(pack))
    assert (tried.returncode, "3 samples of 1 checks, 0 wrong" in tried.stderr) == (0, True)


def test_answers_of_a_server_are_recorded_without_what_is_secret(
    pack: Path, mariadb: Running
) -> None:
    edit(pack, QUERY, WITH_SECRET.rstrip())
    edit(pack, '== "bad"', '== "app"')
    found = stt(
        "checks", "test", "app_odd", "--pack", str(pack), "--target", url(mariadb), "--record"
    )
    assert found.returncode == 0, found.stderr
    assert "app_odd on mariadb 10.11." in found.stdout
    assert "docs[0]: 1 rows" in found.stdout
    assert "major: the name of what is wrong: what is wrong, with its name" in found.stdout
    file = pack / "mysql" / "app_odd" / "samples.yaml"
    text = file.read_text()
    assert "very-secret-hash" not in text + found.stdout + found.stderr
    assert "pw-1" not in text
    recorded = parse_samples(text, str(file))[-1]
    assert (recorded.name, recorded.outcome) == ("recorded_1", "failed")
    assert recorded.docs == [[{"the_column_to_check": "app", "hash": "****", "password": "****"}]]
    again = stt("checks", "test", "app_odd", "--pack", str(pack))
    assert "recorded_1" not in again.stdout


def test_a_folder_with_faults_tells_each_with_its_file(pack: Path) -> None:
    edit(pack, "category: configuration", "category: colour")
    edit(pack, "      - CWE-16", "      - CIS MySQL 4.1")
    (pack / "mysql" / "app_odd" / "samples.yaml").unlink()
    linted = stt("checks", "lint", str(pack))
    assert linted.returncode == 2
    for fault in ("category is 'colour'", "reference 'CIS MySQL 4.1'", "no samples.yaml beside"):
        assert fault in linted.stderr


def test_what_the_language_of_scripts_refuses_is_named_with_check_and_line(
    pack: Path, mariadb: Running
) -> None:
    edit(pack, '== "bad"', '== "bad" and 2 ** 2')
    file = pack / "mysql" / "app_odd" / "check.yaml"
    line = next(n for n, one in enumerate(file.read_text().splitlines(), 1) if "2 ** 2" in one)
    linted = stt("checks", "lint", str(pack))
    assert linted.returncode == 2
    assert f"check.yaml:{line}: app_odd: script line " in linted.stderr
    assert "unexpected symbol '**'" in linted.stderr
    for words, code in ((["checks", "test"], 1), (["scan", url(mariadb)], 3)):
        done = stt(*words, "--pack", str(pack))
        assert done.returncode == code
        assert "warning: app_odd: script line " in done.stderr
        assert "unexpected symbol '**'" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (["new", "bad-name", "--family", "mysql"], 2, "invalid check name 'bad-name'"),
        (["lint", "/nowhere"], 2, "no folder of checks at /nowhere"),
        (["test", "mysql_verison"], 2, "did you mean 'mysql_version'?"),
        (["test", "mysql_version", "--record"], 2, "--record needs --target"),
        (
            ["test", "mysql_version", "--target", "postgresql://stt@127.0.0.1:1/"],
            2,
            "no check of these applies to postgresql",
        ),
    ],
)
def test_what_was_typed_wrong_gets_one_clear_error(words: list[str], code: int, shown: str) -> None:
    done = stt("checks", *words)
    assert (done.returncode, shown in done.stderr) == (code, True), done.stderr


def test_a_server_that_is_not_there_is_incomplete_and_says_why() -> None:
    done = stt("checks", "test", "postgresql_version", "--target", "postgresql://stt@127.0.0.1:1/x")
    assert done.returncode == 3
    assert "Connection refused" in done.stderr


def test_every_built_in_check_passes_its_samples_by_the_command() -> None:
    done = stt("checks", "test")
    assert done.returncode == 0, done.stdout
    assert " 0 wrong" in done.stderr
