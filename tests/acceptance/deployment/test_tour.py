"""docs/tour.md does what it says: its commands are typed on terminals, beside a real demo.

`STT_WRITE_PAGES=1` writes what they print into it. `...` stands for lines that are left out.
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
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path

import pytest

from stt_coordinator.local.servers import mongodb, mysql
from stt_coordinator.local.servers.process import free_port
from stt_shared.clock import monotonic
from tests.servers.fixtures import required

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "tour.md"
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
COLUMNS, TIMEOUT_S = 120, 120.0
RECEIVER_PORT = "29000"  # in the page; another one here, where this may be in use
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
BAR = "\u2501"  # of the progress, which is gone when it is over
LEFT_OUT = "..."
CURL = """#!{python}
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[-1]).read().decode(), end="")
"""
# What a command goes on to type although it is made anew each time: learned from what is printed.
MADE_ANEW = re.compile(
    r"127\.0\.0\.1:\d+"  # NATS, the page
    r"|\S*psql -h 127\.0\.0\.1 -p \d+"  # also PostgreSQL's own, where none is on PATH
    r"|\bx_[a-z0-9]+"  # exceptions
    r"|\b(?:enable|manual)-\d{8}t\d{6}z"  # runs
)
# What differs by the time, the servers, and the user that they run as.
VOLATILE = (
    (MADE_ANEW.pattern, "(made anew)"),
    (r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?", "(date)"),
    (r"(\d{1,2} [A-Z][a-z]{2} )?\d\d:\d\d UTC( tomorrow)?", "(time)"),
    (r"\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b", "(day)"),
    (r"\b\d+(\.\d+)? (s|min)\b", "(seconds)"),
    (r"(MySQL|MariaDB|PostgreSQL|MongoDB) \d+(\.\d+)+", r"\1 (version)"),
    (r"CVE-\d+-\d*…?", "(CVE)"),
    (r"leader \S+ on \S+ since", "leader (name) on (host) since"),
    (r"postgresql-127-0-0-1-\d+\s+local\s+new\s+f_\w+", "(of a port)"),  # what a scan found
    (r"\d+ (major|trivial)|(major|trivial|passed) +\d+|[▲●] +\d+", "(number)"),
    (r"\s+", " "),  # columns are as wide as what stands in them, lines as long
)

SEVERITIES = ("◆", "▲", "●")


class Terminal:
    """A terminal with one command on it, which may go on while others are typed elsewhere."""

    def __init__(self, command: str, folder: Path, environ: dict[str, str]) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=folder,
            env=environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._output = bytearray()
        self._reader = threading.Thread(target=self._read, args=(ours,))
        self._reader.start()

    def _read(self, ours: int) -> None:
        with os.fdopen(ours, "rb", buffering=0) as file, suppress(OSError):  # the other side ends
            while part := file.read(65_536):
                self._output += part

    @property
    def text(self) -> str:
        """What stands there by now."""
        lines = CONTROL.sub("", self._output.decode(errors="ignore")).split("\n")
        return "\n".join(line.rstrip() for line in lines if BAR not in line).strip("\n")

    def ended(self) -> int:
        """The exit code of the command that ends by itself."""
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code

    def interrupted(self) -> str:
        """What stood there in the end, after Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.ended()
        return self.text

    def waited_for(self, *texts: str) -> str:
        """The text once it contains every one of `texts`."""
        deadline = monotonic() + TIMEOUT_S
        while any(one not in self.text for one in texts):
            assert monotonic() < deadline, (texts, self.text)
            assert self.process.poll() is None, self.text
            time.sleep(0.05)
        return self.text


class Tour:
    """A checkout with nothing typed in it yet, its terminals, and what the page calls otherwise."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.here = checkout(folder / "here")
        self.going_on: list[tuple[str, Terminal]] = []  # each with what the page shows for it
        self.port = str(free_port())
        self.anew = {f"127.0.0.1:{RECEIVER_PORT}": f"127.0.0.1:{self.port}"}

    def opened(self, command: str) -> Terminal:
        """A terminal on which `command` is typed; what it exports holds for the next ones."""
        for here, there in self.anew.items():
            command = command.replace(here, there)
        command = command.replace(f" {RECEIVER_PORT} ", f" {self.port} ")
        state = self.folder / "state"
        state.touch()
        script = f". {state}; {command}\ncode=$?; export -p > {state}; exit $code"
        return Terminal(script, self.here, environment(self.folder))

    def typed(self, command: str, shown: str) -> str:
        """What a command prints, without what the page leaves out."""
        terminal = self.opened(command)
        if not goes_on(command):
            code = terminal.ended()
            assert code == 0, (command, terminal.text)
            return terminal.text
        self.going_on.append((shown, terminal))
        if not command.startswith("make"):
            return shown  # its lines come by and by
        return abridged(terminal.waited_for("Running until Ctrl-C, which"), shown)

    def learn(self, shown: str, printed: str) -> None:
        """How what the page names is called here."""
        for here, there in zip(MADE_ANEW.findall(shown), MADE_ANEW.findall(printed), strict=False):
            self.anew.setdefault(here, there)
            if " -p " in here:  # PostgreSQL: by its URL too
                ports = (one.rpartition(" ")[2] for one in (here, there))
                url, own = (f"127.0.0.1:{port}" for port in ports)
                self.anew.setdefault(url, own)

    def renamed(self, page: str) -> str:
        """The page where every command names what was there this time, but for the receiver."""
        for here, there in self.anew.items():
            page = page.replace(here, re.sub(r"\S*psql", "psql", there))
        return page.replace(f"127.0.0.1:{self.port}", f"127.0.0.1:{RECEIVER_PORT}")

    def closed(self) -> None:
        """Wait for what the page shows of commands that go on, and end them as people do."""
        for shown, terminal in self.going_on:
            is_demo = "Running until Ctrl-C" in shown
            if not is_demo:
                terminal.waited_for(*shown.splitlines()[1:])
            texts = terminal.interrupted()
            assert not is_demo or "Stopped; everything of the demo is removed." in texts, texts

    def killed(self) -> None:
        """End what a failure left."""
        for _, terminal in self.going_on:
            with suppress(ProcessLookupError):
                os.killpg(terminal.process.pid, signal.SIGKILL)


def checkout(folder: Path) -> Path:
    """A folder that holds what the tour uses of the repository, with our environment as its own."""
    (folder / ".venv").mkdir(parents=True)
    for name in ("Makefile", "constraints.txt", "pyproject.toml", "examples"):
        (folder / name).symlink_to(ROOT / name)
    for path in BIN.parent.iterdir():
        if path.name not in (".demo", ".dev"):
            (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv" / ".demo").touch()  # newer than all: `make demo` installs nothing
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Nothing of ours, and no `stt` but the checkout's."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    path = [one for one in mine["PATH"].split(os.pathsep) if Path(one).resolve() != BIN.resolve()]
    for name in ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "COLUMNS", "LINES"):
        mine.pop(name, None)
    path.append(str(fallbacks(folder)))
    own = {"PATH": os.pathsep.join(path), "TMPDIR": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return mine | own | {"LOGNAME": "ann", "TERM": "xterm", "NO_COLOR": "1"}


def fallbacks(folder: Path) -> Path:
    """What the tour types and a bare machine may lack, found last on PATH."""
    found = folder / "fallbacks"
    if not found.exists():
        found.mkdir()
        (found / "curl").write_text(CURL.format(python=sys.executable))
        (found / "curl").chmod(0o755)
    return found


def goes_on(command: str) -> bool:
    return command.startswith(("make demo", ".venv/bin/python examples/receiver.py"))


def abridged(printed: str, shown: str) -> str:
    """As many lines of what is printed as the page has before and after those it leaves out."""
    kept = shown.splitlines()
    if LEFT_OUT not in kept:
        return printed
    lines, before = printed.splitlines(), kept.index(LEFT_OUT)
    after = len(kept) - before - 1
    return "\n".join([*lines[:before], LEFT_OUT, *lines[len(lines) - after :]])


def steady(text: str) -> str:
    """What is the same each time: which database answered first orders findings of a severity."""
    parts = (
        sorted(lines) if is_finding else list(lines)
        for is_finding, lines in groupby(
            text.splitlines(), key=lambda line: line.startswith(SEVERITIES)
        )
    )
    text = "\n".join(chain.from_iterable(parts))
    for what, instead in VOLATILE:
        text = re.sub(what, instead, text)
    return text.strip()


def commands(block: str) -> list[tuple[str, str]]:
    """Each command with what the page shows for it."""
    parts = re.split(r"(?m)^\$ ", block)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].strip("\n")) for part in parts]


@pytest.fixture
def tour(servers_folder: Path) -> Iterator[Tour]:
    """The demo has the families of the page only where these two are installed."""
    required("MariaDB", mysql.find_mariadb)
    required("MongoDB", mongodb.find)
    folder = servers_folder / "tour"
    folder.mkdir()
    folder.chmod(0o755)
    found = Tour(folder)
    try:
        yield found
    finally:
        found.killed()
        shutil.rmtree(folder)


def test_every_command_of_the_tour_prints_what_is_shown(tour: Tour) -> None:
    page = PAGE.read_text(encoding="utf-8")
    is_writing = bool(os.environ.get("STT_WRITE_PAGES"))
    number = 0

    def walked(block: re.Match[str]) -> str:
        nonlocal number
        written = ""
        for command, shown in commands(block[0]):
            printed = tour.typed(command, shown)
            assert is_writing or steady(printed) == steady(shown), (command, printed)
            tour.learn(shown, printed)
            written += f"$ {command}\n{printed}\n" if printed else f"$ {command}\n"
            number += 1
        return written

    written = BLOCK.sub(walked, page)
    tour.closed()
    assert number == len(re.findall(r"(?m)^\$ ", page)) > 20
    if is_writing:
        PAGE.write_text(tour.renamed(written), encoding="utf-8")
