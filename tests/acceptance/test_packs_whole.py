"""Packs from a folder to a finding, as a user sets them up: signed, changed by others, unsigned."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.pack import archive
from tests.support.processes.prepared import prepared
from tests.support.processes.standalone import Machine
from tests.support.shared import packs

SIGNER = packs.Signer()
RUN = ("run", "--wait", "--fail-on", "none", "--allow-incomplete")


def check(word: str) -> bytes:
    finding = f"return [{{'summary': '{word}', 'severity': 'error', 'object': 'o'}}]"
    return packs.check_text("pg_site").replace(b"return []", finding.encode())


def publish(path: Path, serial: int, word: str) -> bytes:
    now = clock.now().replace(microsecond=0)
    pack = archive.make(
        {packs.path_of("pg_site"): check(word)},
        name="checks",
        serial=serial,
        created=now,
        expires=now + timedelta(days=300),
    )
    data, signature = SIGNER.signed(pack)
    path.write_bytes(data)
    path.with_name(path.name + ".minisig").write_text(signature, encoding="utf-8")
    return data


@pytest.fixture
def machine(tmp_path: Path, postgresql: Running) -> Machine:
    return Machine(tmp_path, postgresql)


def record_results(machine: Machine, *lines: str) -> None:
    text = "\n".join((*lines, machine.targets.read_text()))
    machine.targets.write_text(text, encoding="utf-8")


def found(machine: Machine) -> set[str]:
    report = machine.stt(*RUN)
    return {one["summary"] for result in report["results"] for one in result["findings"]}


def output_of(machine: Machine, *words: str) -> str:
    done = prepared().run(words, machine.environment)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_signed_pack_runs_and_a_changed_one_leaves_it_in_use_and_is_reported(
    machine: Machine, tmp_path: Path
) -> None:
    source = tmp_path / "checks.sttpack"
    publish(source, 1, "first")
    key = SIGNER.key.public
    record_results(machine, "[pack]", f'source = "{source}"', f'keys = ["{key.text}"]')
    with machine.up():
        machine.stt("enable", "--reason", "test")
        assert found(machine) == {"first"}
        status = machine.stt("status")
        assert (status["pack"]["serial"], status["pack"]["key"]) == (1, key.name)
        assert (status["notice"], status["degraded"]) == ("", [])
        assert f"checks: pack checks 1, 1 check, signed by {key.name}" in output_of(
            machine, "status"
        )
        publish(source, 2, "second")
        assert found(machine) == {"second"}
        data = publish(source, 3, "third")
        source.write_bytes(data.replace(b"third", b"fifth"))
        assert found(machine) == {"second"}
        assert "untrusted pack: tampered" in " ".join(machine.stt("status")["degraded"])
        publish(source, 1, "first")
        assert found(machine) == {"second"}
        assert "untrusted pack: rolled_back" in " ".join(machine.stt("status")["degraded"])
    source.unlink()
    with machine.up():
        assert found(machine) == {"second"}, "the last good pack outlives a restart"
        assert "stays in use" in " ".join(machine.stt("status")["degraded"])


def test_an_unsigned_folder_runs_only_where_it_is_allowed_and_every_output_says_so(
    machine: Machine, tmp_path: Path
) -> None:
    folder = packs.written(tmp_path / "mine", {packs.path_of("pg_site"): check("mine")})
    record_results(machine, "[pack]", f'source = "{folder}"')
    with machine.up():
        machine.stt("enable", "--reason", "test")
        assert found(machine) == set()
        (result,) = machine.stt("findings", "list")["results"]
        assert (result["outcome"], result["kind"]) == ("skipped", "untrusted_pack")
        assert result["reason"] == "unsigned: it has no signature"
        notice = f"the checks of {folder} are unsigned; no worker accepts them without"
        assert notice in machine.stt("status")["notice"]
    record_results(machine, "[worker]", "allow_unsigned = true")
    with machine.up():
        assert found(machine) == {"mine"}
        for words in (("status",), ("findings", "list"), (*RUN,), ("status", "-o", "json")):
            assert (
                f"the checks of {folder} are unsigned; unsigned packs are accepted by"
                in output_of(machine, *words)
            )
        assert "UNSIGNED" in output_of(machine, "status")
        packs.written(folder, {packs.path_of("pg_site"): check("changed")})
        assert found(machine) == {"changed"}
