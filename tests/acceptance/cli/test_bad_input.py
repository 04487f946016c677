"""What is typed or configured wrongly has a clear error and its exit code; the rest runs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from pathlib import Path
from subprocess import PIPE

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.local.servers.process import Running
from stt_shared.clock import monotonic
from stt_shared.protocol.control import SwitchReply, SwitchRequest, Verb
from stt_shared.protocol.queries.reports import RunsReply, RunsRequest
from stt_shared.protocol.records import RunRecord
from tests.servers.fixtures import serving
from tests.support.processes.commands import STT, TIMEOUT_S, refused, stt
from tests.support.processes.installation import Installation, installed

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
    ":8: target number 1: password is an empty reference file:",
)


READERS = (
    ("worker", "--config"),
    ("config", "check", "--config"),
    ("standalone", "--port", "4229", "--state-dir", "state", "--targets"),
)


@pytest.mark.parametrize("command", READERS, ids=lambda words: words[0])
def test_every_fault_of_settings_and_targets_is_reported_at_once_with_its_line(
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
    refused(done, str(taken), "(file exists)", "another", "--state-dir")


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
    refused(stt("findings", "list", "--severity", "high", *nowhere), "'high' is not one of")
    refused(stt("run", "--nonsense", *nowhere), "unknown option: --nonsense")
    refused(stt("run", "-o", "xml", *nowhere), 'invalid value "xml"')
    refused(stt("status", "--config", tmp_path / "none.toml", *nowhere), "none.toml")


def test_a_report_on_a_full_disk_is_an_error_and_not_a_success() -> None:
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
        "  free space on that disk and run the command again",
        "exit 3: the output could not be written",
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
            deadline = monotonic() + TIMEOUT_S
            while not any(one.state == "running" for one in await runs(house)):
                assert monotonic() < deadline
                await asyncio.sleep(0.1)
            request = SwitchRequest(by="test", reason="maintenance")
            await house.ask(Verb.DISABLE, request, SwitchReply)
            out, err = await asyncio.to_thread(following.communicate, timeout=TIMEOUT_S)
    assert following.returncode == 5, err
    assert err.splitlines()[-1] == "exit 5: checks are disabled"
    assert {one["kind"] for one in json.loads(out)["results"]} == {"disabled"}


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
            deadline = monotonic() + TIMEOUT_S
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
