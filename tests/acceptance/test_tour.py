"""docs/tour.md does what it says: its commands are typed on a terminal beside a real demo.

`STT_WRITE_PAGES=1` writes what they print into it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stt_coordinator.embedded.process import free_port
from stt_shared.clock import monotonic
from tests.acceptance.test_cli_terminal import read_all

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tour.md"
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
TOLD = re.compile(r"(?<=```text\n).*?(?=```)", re.DOTALL)
COLUMNS, PATIENCE_S = 160, 120.0
SECRET = "the-secret-of-the-demo"
BAR = "\u2501"  # of the progress, which is gone when it is over
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
SPACES = re.compile(r" +")  # columns are as wide as what stands in them
FAILING = {"stt status -o nagios": 2, "stt gate --fail-on critical": 1}
# What is different each time, as a pattern for the place where it stands.
VOLATILE = (
    (r"\d{4}\\-\d\d\\-\d\dT[\d:.]+Z", r"[\\d:TZ.-]+"),
    (r"\d{4}\\-\d\d\\-\d\d", r"\\d{4}-\\d\\d-\\d\\d"),
    (r"\d\d:\d\d\\ UTC(\\ tomorrow)?", r"(?:\\d{1,2} \\w{3} )?\\d\\d:\\d\\d UTC(?: tomorrow)?"),
    (r"\d{1,2}\\ (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", r"\\d{1,2} \\w{3}"),
    (r"x_[a-z0-9]+", r"x_[a-z0-9]+"),
    (r"(enable|manual)\\-\d{8}t\d{6}z", r"\1-\\w+"),
    (r"\d+\\ s\b", r"\\d+ s"),
    (r"(?m)^\\\.\\\.\\\.$", r"[\\s\\S]*?"),
)
PSQL = """#!{python}
import sys, psycopg
where = "host=127.0.0.1 port={port} user=postgres dbname=postgres"
psycopg.connect(where, autocommit=True).execute(sys.argv[-1])
print("ALTER ROLE")
"""


class Tour:
    """The three terminals of the tour."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder, self.environ = folder, environ

    @property
    def received(self) -> list[str]:
        return (self.folder / "received").read_text().splitlines()

    def typed(self, command: str) -> tuple[int, str]:
        """The exit code and what stood on the terminal."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        with subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder / "here",
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self.environ,
        ) as process:
            os.close(theirs)
            text = read_all(ours)
            code = process.wait(timeout=PATIENCE_S)
        os.close(ours)
        lines = CONTROL.sub("", text.replace("\r\n", "\n")).split("\n")
        return code, "\n".join(line.rstrip() for line in lines if BAR not in line).strip("\n")


@pytest.fixture
def tour(servers_folder: Path) -> Iterator[Tour]:
    folder = servers_folder / "tour"
    (folder / "here").mkdir(parents=True)
    folder.chmod(0o755)
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    environ |= {"TMPDIR": str(folder), "XDG_CONFIG_HOME": str(folder), "LOGNAME": "ann"}
    environ |= {"NO_COLOR": "1", "TERM": "xterm"}
    environ |= {"PATH": f"{folder}:{BIN}:{os.environ['PATH']}"}
    receiver = [sys.executable, str(ROOT / "examples" / "receiver.py"), str(port), SECRET]
    demo = [str(BIN / "stt"), "demo", "--webhook", f"http://127.0.0.1:{port}/"]
    with (folder / "received").open("wb") as told, (folder / "said").open("wb") as said:
        first = subprocess.Popen(receiver, stdout=told)
        second = subprocess.Popen(demo, env=environ, stdout=said, stderr=said)
    try:
        words = waited_for(folder / "said", "Running until Ctrl-C")
        (url,) = re.findall(r"STT_NATS_URL=(\S+)", words)
        (pg,) = re.findall(r"psql -h 127.0.0.1 -p (\d+)", words)
        (folder / "psql").write_text(PSQL.format(python=sys.executable, port=pg))
        (folder / "psql").chmod(0o755)
        yield Tour(folder, environ | {"STT_NATS_URL": url, "PGPORT": pg})
    finally:
        second.send_signal(signal.SIGINT)
        second.wait(PATIENCE_S)
        first.kill()
        first.wait()
        shutil.rmtree(folder)


def waited_for(path: Path, words: str) -> str:
    deadline = monotonic() + PATIENCE_S
    while words not in path.read_text():
        assert monotonic() < deadline, path.read_text()
        time.sleep(0.05)
    return path.read_text()


def commands(block: str) -> list[tuple[str, str]]:
    """Each command with what the page shows for it."""
    parts = re.split(r"(?m)^\$ ", block)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].strip("\n")) for part in parts]


def pattern(shown: str) -> str:
    found = re.escape(SPACES.sub(" ", shown))
    for what, instead in VOLATILE:
        found = re.sub(what, instead, found)
    return found


def test_every_command_of_the_tour_prints_what_is_shown(tour: Tour) -> None:
    page = PAGE.read_text(encoding="utf-8")
    is_writing = bool(os.environ.get("STT_WRITE_PAGES"))
    number = 0
    for block in BLOCK.findall(page):
        written = ""
        for command, shown in commands(block):
            code, printed = tour.typed(command)
            assert code == FAILING.get(command, 0), (command, printed)
            if not is_writing:
                assert re.fullmatch(pattern(shown), SPACES.sub(" ", printed)), (
                    command,
                    shown,
                    printed,
                )
            kept = shown if "..." in shown.splitlines() else printed
            written += f"$ {command}\n{kept}\n" if kept else f"$ {command}\n"
            number += 1
        page = page.replace(block, written)
    assert number == len(re.findall(r"(?m)^\$ ", page)) > 10
    (told,) = TOLD.findall(page)
    for line in told.splitlines():
        waited_for(tour.folder / "received", line)
    if is_writing:
        PAGE.write_text(page, encoding="utf-8")
