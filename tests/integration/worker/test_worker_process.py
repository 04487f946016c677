"""The worker as a process: it drains at SIGTERM, reads again at SIGHUP, outlives bad messages."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from stt_shared.bus.values import Outgoing
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family, Kind
from tests.support.worker.listening import hanging, unused_port
from tests.support.worker.site import Coordinator, coordinator, until
from tests.support.worker.worker_process import ended, process, table


async def test_at_sigterm_a_running_job_ends_and_is_published_and_the_exit_code_is_0(
    nats_server: Running, tmp_path: Path
) -> None:
    checks = builtin().of(Family.POSTGRESQL)
    visits: list[object] = []
    async with coordinator(nats_server.url, "drains") as here, hanging(visits) as silent:
        (tmp_path / "worker.toml").write_text(table("silent", silent))
        with process(nats_server.url, here.site, tmp_path) as child:
            await here.publish([here.job("silent", checks)])
            await until(lambda: visits)
            child.send_signal(signal.SIGTERM)
            assert await ended(child) == 0
        await until(lambda: "silent" in here.results)
        kinds = {one.kind for one in here.results["silent"].outcomes}
        assert kinds <= {Kind.UNREACHABLE, Kind.TIMEOUT}
        await until(lambda: here.announced[-1].leaving)
        assert not await here.outstanding("silent")
    assert "hunter2" not in (tmp_path / "log").read_text()


async def test_at_sighup_the_targets_are_read_again_and_those_gone_are_announced_gone(
    nats_server: Running, tmp_path: Path
) -> None:
    config = tmp_path / "worker.toml"
    config.write_text(table("a", unused_port()) + table("b", unused_port()))
    async with coordinator(nats_server.url, "rereads") as here:
        with process(nats_server.url, here.site, tmp_path) as child:
            await until(lambda: announced(here) == ["a", "b"])
            config.write_text("[[targets]]\nid = ")
            child.send_signal(signal.SIGHUP)
            await until(lambda: "targets_rejected" in (tmp_path / "log").read_text())
            config.write_text(table("b", unused_port()) + table("c", unused_port()))
            child.send_signal(signal.SIGHUP)
            await until(lambda: announced(here) == ["b", "c"])
            child.send_signal(signal.SIGTERM)
            assert await ended(child) == 0


def broken_configurations(config: Path) -> dict[str, Callable[[], object]]:
    """What makes the file each kind of unreadable."""
    good = table("a", 1)
    return {
        "syntax": lambda: config.write_text("[[targets]]\nid = "),
        "home": lambda: config.write_text(good.replace("env:PW", "file:~nosuchuser/pw")),
        "binary": lambda: config.write_bytes(bytes(range(256)) * 100),
        "size": lambda: config.write_bytes(bytes(100 * 1024 * 1024)),
        "digits": lambda: config.write_text(f"x = {'9' * 10_000}\n{good}"),
        "nesting": lambda: config.write_text(f"x = {'[' * 100_000}"),
        "spaces": lambda: config.write_text(f'x = """\n[{" " * 200_000}\n"""\n{good}port = 0\n'),
        "gone": config.unlink,
        "directory": config.mkdir,
        "nothing": config.rmdir,
        "endless": lambda: config.symlink_to("/dev/zero"),
    }


async def test_at_sighup_no_configuration_however_broken_changes_anything(
    nats_server: Running, tmp_path: Path
) -> None:
    config = tmp_path / "worker.toml"
    config.write_text(table("a", unused_port()))
    async with coordinator(nats_server.url, "broken") as here:
        with process(nats_server.url, here.site, tmp_path) as child:
            await until(lambda: announced(here) == ["a"])
            kinds = broken_configurations(config)
            for number, (kind, make) in enumerate(kinds.items(), start=1):
                make()
                child.send_signal(signal.SIGHUP)
                await until(lambda n=number: not_taken(tmp_path) == n)  # type: ignore[misc]
                assert child.poll() is None, kind
            log = (tmp_path / "log").read_text()
            assert "reference file: with ~ of an unknown user" in log
            assert "internal error" not in log
            assert "hunter2" not in log
            assert announced(here) == ["a"]
            child.send_signal(signal.SIGTERM)
            assert await ended(child) == 0


def not_taken(folder: Path) -> int:
    return (folder / "log").read_text().count("targets_rejected")


def announced(here: Coordinator) -> list[str]:
    return [one.target for one in here.announced[-1].targets] if here.announced else []


async def test_messages_that_are_not_jobs_are_rejected_with_a_code_and_stop_nothing(
    nats_server: Running, tmp_path: Path
) -> None:
    (tmp_path / "worker.toml").write_text(table("good", unused_port()))
    checks = builtin().of(Family.POSTGRESQL)
    async with coordinator(nats_server.url, "garbage") as here:
        bad = {
            "one": b"\x00\xff",
            "two": b'{"schema": "stt.job/v9"}',
            "three": b'{"schema": "stt.job/v1"}',
        }
        messages = [
            Outgoing(subject=subjects.job(Family.POSTGRESQL, here.site, name), data=data)
            for name, data in bad.items()
        ]
        await here.bus.publish(messages)
        with process(nats_server.url, here.site, tmp_path) as child:
            await here.publish([here.job("good", checks)])
            await until(lambda: "good" in here.results)
            child.send_signal(signal.SIGTERM)
            assert await ended(child) == 0
        for name in bad:
            assert not await here.outstanding(name)
    log = (tmp_path / "log").read_text()
    assert log.count('"code": "malformed"') == 2
    assert log.count('"code": "newer_major"') == 1


async def test_a_worker_without_nats_waits_for_it_and_ends_on_a_signal(tmp_path: Path) -> None:
    (tmp_path / "worker.toml").write_text(table("a", unused_port()))
    with process(f"nats://127.0.0.1:{unused_port()}", "alone", tmp_path) as child:
        await until(lambda: "connection_failed" in (tmp_path / "log").read_text())
        child.send_signal(signal.SIGTERM)
        assert await ended(child) == 0
