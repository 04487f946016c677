"""What is typed or configured wrongly has a clear error and its exit code; the rest runs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from urllib.parse import quote

import pytest

from stt_coordinator.local.servers import mongodb as embedded_mongodb
from stt_coordinator.local.servers import mysql as embedded_mysql
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers import postgresql as embedded_postgresql
from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from stt_shared.protocol.control import SwitchReply, SwitchRequest, Verb
from stt_shared.protocol.records import RunRecord
from stt_shared.protocol.reports import RunsReply, RunsRequest
from tests.servers.certificates import Certificates
from tests.servers.fixtures import PASSWORD, serving
from tests.support.processes.installation import Installation, installed

PATIENCE_S = 60.0
STT = Path(sys.executable).with_name("stt")
CODES = {2: "wrong usage or configuration", 4: "NATS or the coordinator cannot be reached"}
WRONG = """\
[nats]
ulr = "nats://a:1"
[worker]
concurrency = 0
[[targets]]
id = "A B"
family = "oracle"
password = "file:"
"""
FAULTS = (
    ":2: unknown setting 'nats.ulr', did you mean 'nats.url'?",
    ":4: worker.concurrency is 0, expected 1 to 256",
    ":6: target number 1: id is 'A B'",
    ":7: target number 1: family is 'oracle'",
    ":8: target number 1: password is a reference file: to nothing",
)
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


def stt(*words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    own = {"XDG_CONFIG_HOME": "/nonexistent", "XDG_STATE_HOME": "/nonexistent", "NO_COLOR": "1"}
    return subprocess.run(
        [STT, *words],
        env=clean | own | environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *sentences: str, code: int = 2) -> None:
    """Assert the form of every error: nothing on stdout, sentences, and the reason last."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == f"exit {code}: {CODES[code]}"
    for sentence in sentences:
        assert sentence in done.stderr


def url(server: Running, scheme: str, password: str, rest: str = "/") -> str:
    user = quote(server.user or "stt", safe="")
    return f"{scheme}://{user}:{quote(password, safe='')}@{server.host}:{server.port}{rest}"


READERS = (
    ("worker", "--config"),
    ("config", "check", "--config"),
    ("standalone", "--port", "4229", "--state-dir", "state", "--targets"),
)


@pytest.mark.parametrize("command", READERS, ids=lambda words: words[0])
def test_every_fault_of_settings_and_targets_is_told_at_once_with_its_line(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "worker.toml"
    path.write_text(WRONG)
    done = stt(*(str(tmp_path / one) if one == "state" else one for one in command), path)
    refused(done, *(f"\n  {path}{fault}" for fault in FAULTS))
    assert len(done.stderr.splitlines()) == len(FAULTS) + 2


@pytest.mark.parametrize("command", [*READERS, ("scan", "--config"), ("status", "--config")])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[worker\nname = 3", "is not valid TOML: Expected ']'"),
        (b"\xff\xfe\x00", "(not utf-8)"),
        (b"a = 1\na = 2\n", "(at line 2"),
    ],
    ids=["syntax", "binary", "twice"],
)
def test_a_file_that_is_no_toml_is_named_with_reason_and_line(
    command: tuple[str, ...], content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "worker.toml"
    path.write_bytes(content)
    refused(stt(*command, path), str(path), reason)


@pytest.mark.parametrize("words", ["worker --config", "coordinator --nats-url"])
def test_a_state_folder_that_cannot_be_used_is_named_with_the_way_out(
    words: str, tmp_path: Path
) -> None:
    taken, targets = tmp_path / "file", tmp_path / "worker.toml"
    taken.touch()
    targets.write_text('[[targets]]\nid = "a"\nfamily = "mysql"\nhost = "127.0.0.1"\n')
    value = str(targets) if "worker" in words else "nats://127.0.0.1:1"
    done = stt(*words.split(), value, "--state-dir", taken)
    refused(done, str(taken), "(file exists)", "name another", "--state-dir")


def test_standalone_names_a_folder_or_a_port_that_it_cannot_have(tmp_path: Path) -> None:
    taken, targets = tmp_path / "file", tmp_path / "worker.toml"
    taken.touch()
    targets.write_text('[[targets]]\nid = "a"\nfamily = "mysql"\nhost = "127.0.0.1"\n')
    words = ("standalone", "--targets", targets, "--state-dir")
    refused(stt(*words, taken), f"cannot use the state folder {taken}", "--state-dir")
    refused(stt(*words, tmp_path / "state", "--port", "70000"), "--port is 70000, expected 1 to")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = stt(*words, tmp_path / "state", "--port", str(port))
    refused(done, f"NATS cannot listen on 127.0.0.1:{port} (address already in use)", "--port")


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "enable --reason x",
        "disable --reason x",
        "run",
        "run --wait -o json",
        "findings list -o json",
        "targets list",
        "checks list",
        "runs list -o jsonl",
    ],
)
def test_a_coordinator_that_is_down_while_nats_is_up_is_exit_4_with_what_to_do(
    nats_server: Running, words: str
) -> None:
    refused(
        stt(*words.split(), "--nats-url", nats_server.url, "--nats-timeout-s", "3"),
        f"no coordinator answers on NATS at {nats_server.url}",
        "start one with: stt coordinator",
        code=4,
    )


def test_usage_comes_before_reachability(tmp_path: Path) -> None:
    nowhere = ("--nats-url", "nats://127.0.0.1:1")
    refused(stt("findings", "list", "--severity", "high", *nowhere), "'high' is none of")
    refused(stt("run", "--nonsense", *nowhere), "unknown option: --nonsense")
    refused(stt("run", "-o", "xml", *nowhere), 'invalid value "xml"')
    refused(stt("status", "--config", tmp_path / "none.toml", *nowhere), "none.toml")


def pack(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_a_bad_check_file_is_told_and_the_other_checks_run(
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
        f"warning: check left out: {folder}/bad.yaml:2: bad: version is 9, expected 1 or 2",
        f"{folder}/bad.yaml:6: bad: family is 'ORACLE', expected one of MYSQL",
        f"{folder}/none.yaml:2: not valid YAML",
        f"{folder}/good.yaml:13: expected a mapping",
        f"{folder}/good.yaml:15: key 'name' twice",
        f"{folder}/other.yaml:1: expected a mapping with the list 'checks'",
    ):
        assert fault in done.stderr
    assert done.stderr.splitlines()[-1].startswith("exit 3: checks were left out for ")
    accepted = ("--allow-incomplete",), ("--checks", "good")
    for words in accepted:
        assert stt("scan", target, "--pack", folder, *words).returncode == 0


def test_a_pack_without_any_good_check_is_a_usage_error_with_every_fault(tmp_path: Path) -> None:
    folder = pack(tmp_path, bad=BAD_CHECK.format(name="bad"), none="checks: [")
    done = stt("scan", "mysql://127.0.0.1:1", "--pack", folder)
    refused(done, f"no good check in {folder}", "version is 9", "not valid YAML")


def test_a_target_that_no_check_is_for_is_told(postgresql: Running) -> None:
    target = url(postgresql, "postgresql", postgresql.password)
    done = stt("scan", target, "--checks", "mysql_version", "-o", "json")
    assert (done.returncode, json.loads(done.stdout)["results"]) == (0, [])
    name = f"postgresql-127-0-0-1-{postgresql.port}"
    shown, absent = done.stderr.splitlines()
    assert "(ps)" in shown
    assert absent == f"warning: no check for {name}: nothing is looked at there"


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
def test_a_wrong_password_and_a_certificate_of_another_name_are_told_apart_and_exit_3(
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
    assert "?tls=verify-ca (the host's name is not checked)" in bad_name.stderr


def test_a_report_that_finds_no_room_says_so_and_is_not_taken_for_a_good_one() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [STT, "scan", "mysql://127.0.0.1:1", "--allow-incomplete", "-o", "json"],
            env=os.environ | {"NO_COLOR": "1"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=90,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "error: cannot write the output (no space left on device)",
        "  make room on that disk and run the command again",
        "exit 3: what was found could not be written",
    ]


async def runs(house: Installation) -> tuple[RunRecord, ...]:
    return (await house.ask(Verb.RUNS, RunsRequest(), RunsReply)).runs


async def test_a_run_that_is_followed_while_somebody_disables_the_checks_is_exit_5(
    postgresql: Running, tmp_path: Path
) -> None:
    with installed(tmp_path, postgresql, targets=2) as house:
        house.start()
        await house.targets_announced(2)
        await house.enable()
        await house.finished((await house.run()).run_id)
        worker = house.workers[0]
        worker.kill()
        worker.child = None
        words = ("run", "--wait", "-o", "json", "--nats-url", house.broker.url)
        with subprocess.Popen([STT, *words], stdout=PIPE, stderr=PIPE, text=True) as following:
            deadline = monotonic() + PATIENCE_S
            while not any(one.state == "running" for one in await runs(house)):
                assert monotonic() < deadline
                await asyncio.sleep(0.1)
            request = SwitchRequest(by="test", reason="maintenance")
            await house.ask(Verb.DISABLE, request, SwitchReply)
            out, err = await asyncio.to_thread(following.communicate, timeout=PATIENCE_S)
    assert following.returncode == 5, err
    assert err.splitlines()[-1] == "exit 5: checks are disabled"
    assert {one["kind"] for one in json.loads(out)["results"]} == {"disabled"}


def test_a_user_of_mongodb_without_a_password_is_a_fault_of_the_configuration() -> None:
    done = stt("scan", f"mongodb://stt@127.0.0.1:{free_port()}", "-o", "json")
    assert done.returncode == 3
    results = json.loads(done.stdout)["results"]
    assert {one["kind"] for one in results} == {"config"}
    assert "no password for user stt" in results[0]["reason"]


def test_unknown_names_are_never_answered_with_no_findings(tmp_path: Path) -> None:
    with (
        serving("nats-server", lambda: embedded_nats.start(tmp_path / "nats")) as broker,
        subprocess.Popen(
            [STT, "coordinator", "--nats-url", broker.url, "--state-dir", tmp_path / "state"],
            stderr=subprocess.DEVNULL,
        ) as coordinator,
    ):
        try:
            at = ("--nats-url", broker.url, "--nats-timeout-s", "5")
            deadline = monotonic() + PATIENCE_S
            while stt("status", *at).returncode:
                assert coordinator.poll() is None
                assert monotonic() < deadline
            for form in ("table", "json"):
                words = ("findings", "list", "-o", form, *at)
                refused(stt(*words, "--target", "nope"), "unknown target 'nope'")
                refused(stt(*words, "--site", "nope"), "no target is at site 'nope'")
                refused(
                    stt(*words, "--check", "mysql_versoin"),
                    "unknown check 'mysql_versoin', did you mean 'mysql_version'?",
                )
                done = stt(*words, "--check", "mysql_version")
                assert done.returncode == 0, done.stderr
        finally:
            coordinator.terminate()
