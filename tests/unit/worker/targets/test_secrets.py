"""Secrets are found where the reference says, and no error ever shows one."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from stt_shared.protocol.enums import Kind
from stt_shared.secret_references import reference as secrets
from stt_worker.databases.port import InspectionError
from stt_worker.targets.secrets import Secret, parse, resolve
from tests.support.holdings import holdings, leftovers


async def value(text: str, folder: Path, **environ: str) -> str:
    return await resolve(parse(text, folder), environ)


async def refused(text: str, folder: Path, **environ: str) -> str:
    with pytest.raises(InspectionError) as caught:
        await value(text, folder, **environ)
    assert caught.value.kind is Kind.CONFIG
    return caught.value.reason


def program(folder: Path, body: str) -> str:
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o700)
    return str(path)


async def test_each_kind_of_reference_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("from a file \n")
    say = program(tmp_path, "import sys; print(sys.argv[1])")
    assert await value("file:pw", tmp_path) == "from a file "
    assert await value(f"file:{tmp_path}/pw", Path("/")) == "from a file "
    assert await value("cred:pw", Path("/"), CREDENTIALS_DIRECTORY=str(tmp_path)) == "from a file "
    assert await value("env:PW", tmp_path, PW="x\n") == "x\n"
    assert await value(f"exec:{say} 'two words'", tmp_path) == "two words"
    assert await value("plain:text", tmp_path) == "plain:text"
    assert await value("", tmp_path) == ""


async def test_a_missing_secret_names_the_reference(tmp_path: Path) -> None:
    assert "file:" in await refused("file:none", tmp_path)
    assert "no such file" in await refused("file:none", tmp_path)
    assert "env:NONE (the environment has no such variable)" in await refused("env:NONE", tmp_path)
    assert "CREDENTIALS_DIRECTORY is not set" in await refused("cred:x", tmp_path)
    assert "exec:/none" in await refused("exec:/none hunter2", tmp_path)
    assert "hunter2" not in await refused("exec:/none hunter2", tmp_path)


async def test_a_failing_program_is_reported_by_its_status_not_its_output(tmp_path: Path) -> None:
    failing = program(tmp_path, "print('hunter2'); raise SystemExit(3)")
    reason = await refused(f"exec:{failing}", tmp_path)
    assert "status 3" in reason
    assert "hunter2" not in reason


async def test_a_hanging_program_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "EXEC_TIMEOUT_S", 1.0)
    body = (
        "import os, pathlib, time\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.fork() or os.getpid()))\n"
        "time.sleep(600)"
    )
    assert "no answer within 1 s" in await refused(f"exec:{program(tmp_path, body)}", tmp_path)
    assert not is_alive(int((tmp_path / "pid").read_text()))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] not in "ZX"
    except FileNotFoundError:
        return False


def running(folder: Path) -> list[str]:
    """Processes that were started from `folder`."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(folder).encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


async def ended(folder: Path) -> bool:
    """Whether none is left; who was killed takes a moment to go."""
    for _ in range(3_000):
        if not running(folder):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_what_a_program_leaves_behind_holds_up_nobody(tmp_path: Path) -> None:
    body = (
        "import os, sys, time\n"
        "print('from the parent', flush=True)\n"
        "if not os.fork(): time.sleep(600)  # it holds the output open\n"
    )
    started = time.monotonic()
    assert await value(f"exec:{program(tmp_path, body)}", tmp_path) == "from the parent"
    assert time.monotonic() - started < secrets.EXEC_TIMEOUT_S
    assert await ended(tmp_path)


async def test_a_program_whose_job_is_cancelled_is_ended(tmp_path: Path) -> None:
    hanging = program(tmp_path, "import time; time.sleep(600)")
    task = asyncio.create_task(value(f"exec:{hanging}", tmp_path))
    while not running(tmp_path):  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert await ended(tmp_path)


async def test_fifty_secrets_leave_no_descriptor_thread_or_process(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("x")
    good, bad = (tmp_path / "good"), (tmp_path / "bad")
    for path, body in ((good, "echo x"), (bad, "sleep 600 & echo x; exit 1")):
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o700)
    await value(f"exec:{good}", tmp_path)
    before = holdings()
    for number in range(50):
        if number % 2:
            assert await value(f"exec:{good}", tmp_path) == "x"
        else:
            assert "status 1" in await refused(f"exec:{bad}", tmp_path)
        assert await value("file:pw", tmp_path) == "x"
    assert await leftovers(before) == []
    assert await ended(tmp_path)


async def test_a_pipe_that_nobody_writes_to_costs_its_own_time_out_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "FILE_TIMEOUT_S", 3.0)
    os.mkfifo(tmp_path / "pipe")
    with os.fdopen(os.open(tmp_path / "pipe", os.O_RDWR), "wb"):  # held open, never written to
        waiting = [asyncio.create_task(refused("file:pipe", tmp_path)) for _ in range(12)]
        (tmp_path / "pw").write_text("x")
        assert await value("file:pw", tmp_path) == "x"
        assert not any(one.done() for one in waiting)
        assert all("no answer within 3 s" in reason for reason in await asyncio.gather(*waiting))


async def test_a_secret_without_end_is_refused(tmp_path: Path) -> None:
    endless = program(tmp_path, "while True: print('x' * 1000)")
    assert "more than 65536 bytes" in await refused(f"exec:{endless}", tmp_path)
    assert "more than 65536 bytes" in await refused("file:/dev/zero", tmp_path)


async def test_a_secret_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in await refused("file:pw", tmp_path)
    assert "not UTF-8" in await refused("env:PW", tmp_path, PW=os.fsdecode(b"\xff\xfe"))
    assert "is a directory" in await refused(f"file:{tmp_path}", tmp_path)
    assert "null" in await refused("file:a\0b", tmp_path)


@pytest.mark.parametrize(
    "text", ["file:", "env: ", "cred:../x", "cred:..", "exec:relative", "exec:/x 'open"]
)
def test_a_reference_to_nothing_is_refused_when_it_is_read(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"reference {text.split(':', maxsplit=1)[0]}:"):
        parse(text, tmp_path)


def test_a_secret_never_shows_itself() -> None:
    for secret in (Secret("", "hunter2"), Secret("exec", "/bin/x hunter2")):
        assert "hunter2" not in f"{secret} {secret!r}"
    assert str(Secret("env", "PW")) == "env:PW"


async def test_a_variable_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    refusal = await refused(
        "env:PW", tmp_path, PW=b"hunter2\xff".decode("utf-8", "surrogateescape")
    )
    assert refusal == "cannot read the secret env:PW (not UTF-8)"


def test_a_reference_to_a_program_shows_the_program_alone() -> None:
    for command in ("/bin/x hunter2", "/bin/x\thunter2", "/bin/x 'hunter2'", "'/bin/x' hunter2"):
        assert str(Secret("exec", command)) == "exec:/bin/x"
