"""A scan gets its password where nobody else sees it: a prompt, a variable, a file, a program."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from pathlib import Path
from urllib.parse import quote

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.processes.commands import STT

CHECK = ("--check", "postgresql_version", "--fail-on", "none", "-o", "json")
OK = 0


def url(server: Running, password: str | None = None) -> str:
    login = quote(server.user, safe="")
    login += "" if password is None else f":{quote(password, safe='')}"
    return f"postgresql://{login}@{server.host}:{server.port}/postgres"


def scan(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Without any terminal: in a session of its own."""
    return subprocess.run(
        [STT, "scan", *words, *CHECK],
        env=os.environ | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=True,
    )


def at_terminal(typed: str, *words: str) -> tuple[int, str, bytes]:
    """Exit code, what the terminal showed, and stdout, for a scan at whose prompt one types."""
    pid, terminal = pty.fork()
    if pid == 0:  # the child, whose terminal the other end is
        os.execv(STT, [str(STT), "scan", *words, *CHECK])  # noqa: S606  # no shell is wanted
    shown = b""
    while b"Password of" not in shown:
        shown += os.read(terminal, 1024)
    assert not termios.tcgetattr(terminal)[3] & termios.ECHO
    os.write(terminal, typed.encode() + b"\n")
    try:
        while part := os.read(terminal, 65_536):
            shown += part
    except OSError:  # its end is closed
        pass
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode(), shown


def test_a_password_is_asked_at_the_terminal_and_never_shown(postgresql15: Running) -> None:
    code, shown, _ = at_terminal(postgresql15.password, url(postgresql15), "--ask-password")
    assert code == OK, shown
    assert f"Password of {postgresql15.user} at {postgresql15.host}" in shown
    assert '"outcome"' in shown
    assert postgresql15.password not in shown
    wrong, shown, _ = at_terminal("Zq-wrong-one", url(postgresql15), "--ask-password")
    assert wrong == 3
    assert "Zq-wrong-one" not in shown


def test_without_a_terminal_nothing_is_asked(postgresql15: Running) -> None:
    done = scan(url(postgresql15), "--ask-password")
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "--password-from" in done.stderr


def test_a_password_comes_from_each_kind_of_reference(
    postgresql15: Running, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(postgresql15.password + "\n", encoding="utf-8")
    for reference in ("env:PGPASSWORD", f"file:{secret}", f"exec:/bin/cat {secret}"):
        done = scan(
            url(postgresql15), "--password-from", reference, PGPASSWORD=postgresql15.password
        )
        assert done.returncode == OK, done.stderr
        assert "ps" not in re.findall(r"\w+", done.stderr)
        assert postgresql15.password not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--password-from", "Zq-hunter2"), "is not a reference"),
        (("--password-from", "env:NOT_THERE"), "the environment has no such variable"),
        (("--password-from", "file:/nowhere"), "no such file"),
        (("--password-from", "exec:relative Zq-hunter2"), "without an absolute path"),
        (("--password-from", "exec:/bin/false Zq-hunter2"), "status 1"),
        (("--password-from", "env:A", "--ask-password"), "contradict"),
    ],
)
def test_a_wrong_source_is_a_usage_error_that_shows_no_value(
    words: tuple[str, ...], says: str
) -> None:
    done = scan("postgresql://u@127.0.0.1:9/", *words)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert "Zq-hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("where", ["postgresql://u:Zq-hunter2@127.0.0.1:9/", "mongodb://h/"])
def test_a_source_that_no_url_needs_is_refused(where: str) -> None:
    done = scan(where, "--password-from", "env:HOME")
    assert (done.returncode, "no URL lacks a password" in done.stderr) == (2, True)
    assert "Zq-hunter2" not in done.stderr


def test_a_password_on_the_command_line_works_and_is_warned_of_once(postgresql15: Running) -> None:
    one = url(postgresql15, postgresql15.password)
    done = scan(one, one)
    assert done.returncode == OK, done.stderr
    assert done.stderr.count("(ps)") == 1
    assert postgresql15.password not in done.stdout + done.stderr


def test_the_environment_is_not_read_unasked(postgresql15: Running) -> None:
    done = scan(url(postgresql15), PGPASSWORD=postgresql15.password)
    assert done.returncode == 3
